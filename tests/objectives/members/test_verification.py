"""What the scores of members say of ensembles that are known: honest, too sure, biased, copied."""

import math

import numpy as np
import pytest
import torch
import xarray as xr
from scores.probability import crps_for_ensemble

from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.objectives.members.verification import MembersVerification

Tensor = torch.Tensor
WINDOWS, LEADS, HEIGHT, WIDTH = 120, 2, 8, 9
EVERYWHERE = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)


def drawn(members: int, spread: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A signal that members and truth share, and noise of their own: smooth, and known exactly."""
    draw = torch.Generator().manual_seed(seed)
    size = (WINDOWS, members + 1, LEADS, HEIGHT, WIDTH)
    signal = torch.randn(WINDOWS, 1, LEADS, 1, 1, generator=draw, dtype=torch.float64)
    noise = torch.randn(size, generator=draw, dtype=torch.float64)
    noise = noise + noise.roll(1, -1) + noise.roll(1, -2)
    return signal + spread * noise[:, :-1], signal[:, 0] + noise[:, -1]


def verified(
    members: Tensor, observed: Tensor, thresholds: tuple[float, ...] = (), batch: int = 50
) -> MembersVerification:
    verification = MembersVerification(thresholds)
    for first in range(0, len(members), batch):
        part = slice(first, first + batch)
        numbers = range(len(members))[part]
        verification.add(members[part], observed[part], EVERYWHERE, numbers)
    return verification


def scores(members: Tensor, observed: Tensor) -> MembersScores:
    return verified(members, observed).scores()


@pytest.mark.parametrize("members", [3, 8])
def test_an_ensemble_that_the_truth_is_a_member_of_is_honest(members: int) -> None:
    found = scores(*drawn(members))
    assert found.spread_over_error == pytest.approx(1.0, abs=0.02)
    assert found.rank_histogram == pytest.approx([1 / (members + 1)] * (members + 1), abs=0.01)
    assert found.flatness_chance is not None
    assert found.flatness_chance > 0.05
    # The error of the mean of endless members is that of the truth's own noise.
    assert found.rmse_of_mean_without_sampling == pytest.approx(math.sqrt(3.0), rel=0.02)
    assert found.rmse_of_mean == pytest.approx(math.sqrt(3.0 * (1 + 1 / members)), rel=0.02)


def test_flatness_is_refused_as_seldom_as_it_says_where_windows_follow_each_other() -> None:
    """Of honest ensembles whose noise lasts for some windows at most 5 % are below 0.05."""
    draw = torch.Generator().manual_seed(5)
    chances = []
    for _ in range(20):
        noise = torch.randn(WINDOWS + 3, 5, 1, 3, 3, generator=draw, dtype=torch.float64)
        lasting = noise[3:] + noise[2:-1] + noise[1:-2]
        found = MembersVerification()
        mask = torch.ones(3, 3, dtype=torch.bool)
        found.add(lasting[:, :4], lasting[:, 4], mask, range(WINDOWS))
        chances.append(found.scores().flatness_chance)
    refused = sum(chance is not None and chance < 0.05 for chance in chances)
    assert refused <= 4  # 1 is expected at most; 5 or more of 20 have a chance of one in 400


@pytest.mark.parametrize(("spread", "ends"), [(0.5, "more"), (2.0, "fewer"), (0.0, "more")])
def test_too_sure_and_too_wide_ensembles_are_told(spread: float, ends: str) -> None:
    found = scores(*drawn(6, spread))
    expected = spread * math.sqrt(7 / 6) / math.sqrt(1 + spread**2 / 6)
    assert found.spread_over_error == pytest.approx(expected, abs=0.03)
    at_ends = found.rank_histogram[0] + found.rank_histogram[-1]
    assert at_ends > 2.2 / 7 if ends == "more" else at_ends < 1.8 / 7
    assert found.flatness_chance == 0.0


def test_honest_members_have_the_best_proper_scores() -> None:
    honest = scores(*drawn(6))
    for spread in (0.0, 0.5, 2.0):
        other = scores(*drawn(6, spread))
        assert other.crps > honest.crps
        assert other.energy_score > honest.energy_score
        assert other.variogram_score > honest.variogram_score


def test_noise_without_structure_has_the_same_crps_and_a_worse_variogram_score() -> None:
    members, observed = drawn(6)
    order = torch.randperm(HEIGHT * WIDTH, generator=torch.Generator().manual_seed(1))
    flat = (members - members.mean(dim=(1, 3, 4), keepdim=True)).flatten(-2)
    shuffled = flat[..., order].reshape(members.shape) + members.mean(dim=(1, 3, 4), keepdim=True)
    honest, noise = scores(members, observed), scores(shuffled, observed)
    assert noise.crps == pytest.approx(honest.crps, rel=0.02)
    assert noise.variogram_score > 1.02 * honest.variogram_score


def test_scores_do_not_depend_on_batches_nor_on_the_order_in_which_they_come() -> None:
    members, observed = drawn(4)
    members, observed = members.round(), observed.round()  # many are equal
    expected = verified(members, observed, (1.0,)).scores().as_json()
    small = verified(members, observed, (1.0,), batch=7).scores().as_json()
    assert small["events"][0]["reliability"] == expected["events"][0]["reliability"]
    assert small["rank_histogram"] == pytest.approx(expected["rank_histogram"], abs=1e-12)
    backwards = MembersVerification((1.0,))
    for window in reversed(range(WINDOWS)):
        one = slice(window, window + 1)
        backwards.add(members[one], observed[one], EVERYWHERE, [window])
    found = backwards.scores().as_json()
    assert found["rank_histogram"] == pytest.approx(expected["rank_histogram"], abs=1e-12)
    assert found["flatness_chance"] == expected["flatness_chance"]


def test_a_field_that_is_often_0_has_a_flat_histogram() -> None:
    members, observed = drawn(5)
    found = scores(members.clamp(min=1.5), observed.clamp(min=1.5))
    assert found.rank_histogram == pytest.approx([1 / 6] * 6, abs=0.01)


def test_each_lead_is_scored_by_itself_and_masked_cells_have_no_effect() -> None:
    members, observed = drawn(4)
    mask = EVERYWHERE.clone()
    mask[:3] = False
    members[..., :3, :] = math.nan
    observed[..., 0, 0] = math.inf
    verification = MembersVerification()
    verification.add(members, observed, mask, range(WINDOWS))
    for lead, found in enumerate(verification.scores_by_lead()):
        expected = crps_for_ensemble(
            xr.DataArray(members[:, :, lead][..., mask].numpy(), dims=["w", "member", "n"]),
            xr.DataArray(observed[:, lead][..., mask].numpy(), dims=["w", "n"]),
            "member",
            method="fair",
        )
        assert found.crps == pytest.approx(float(expected))
        assert np.isfinite(found.variogram_score)
    both = [found.crps for found in verification.scores_by_lead()]
    assert verification.scores().crps == pytest.approx(np.mean(both))


def test_reliability_tells_how_often_the_event_happened() -> None:
    verification = verified(*drawn(4), (0.0, 2.0))
    for event in verification.scores().events:
        curve = event.reliability
        assert curve.shares == [0.0, 0.25, 0.5, 0.75, 1.0]
        assert sum(curve.weight) == pytest.approx(1.0)
        known = [f for f in curve.frequency if f is not None]
        assert known == sorted(known)
        happened = sum(w * f for w, f in zip(curve.weight, known, strict=True))
        _, observed = drawn(4)
        assert happened == pytest.approx(float((observed > event.threshold).double().mean()))


def test_one_member_or_another_number_of_them_is_refused() -> None:
    members, observed = drawn(3)
    numbers = range(WINDOWS)
    with pytest.raises(ValueError, match="1 members were given where two are needed"):
        MembersVerification().add(members[:, :1], observed, EVERYWHERE, numbers)
    verification = verified(members, observed)
    with pytest.raises(ValueError, match="2 members were given where there were 3 before"):
        verification.add(members[:, :2], observed, EVERYWHERE, numbers)
