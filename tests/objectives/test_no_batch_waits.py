"""No metric reads a value back from the device when a batch is added, only when it is asked for.

Batches are added that have no values. Everything that follows from the mask alone, which is known
before, is worked out on a batch with values.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import cache
from typing import cast

import numpy as np
import pytest
import torch

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.fields.valid_cells import indexed_on
from fieldsharp.objectives.frontier.statistics import FrontierStatistics
from fieldsharp.objectives.leads.window_accumulation import WindowAccumulation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.members.metrics import MEMBER_METRICS
from fieldsharp.objectives.members.verification import MembersVerification
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import METRICS, Metric
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import Statistic, VerificationBatch
from tests.tensors_without_values import (
    HEIGHT,
    NEEDS_A_VALUE,
    WIDTH,
    RefuseWaitingCopies,
    Tensors,
    WaitingCopy,
    coast,
    meta,
    on_tensors_without_values,
)

Tensor = torch.Tensor
BATCHES, SAMPLES, MEMBERS, LEADS = 2, 4, 3, 2
Add = Callable[[VerificationBatch, range], None]
"""Adds a batch of the windows with these numbers."""


def on_a_sphere() -> GridGeometry:
    """Cells that count differently, at unequal distances."""
    weights_HW = np.linspace(0.5, 1.0, HEIGHT)[:, None].repeat(WIDTH, axis=1)
    return GridGeometry(weights_HW, (50.0 * weights_HW, np.full((HEIGHT, WIDTH), 55.0)))


MEASURES = pytest.mark.parametrize("geometry", [None, on_a_sphere()], ids=["cells", "sphere"])


def a_batch(
    mask_HW: Tensor, device: torch.device, geometry: GridGeometry | None
) -> VerificationBatch:
    usual_CHW = torch.linspace(0.0, 1.0, WIDTH, dtype=torch.float64).expand(1, HEIGHT, WIDTH)
    climatology = Climatology(usual_CHW, torch.tensor([0.8, 0.95], dtype=torch.float64), 1.0)
    size = (SAMPLES, LEADS, 1, HEIGHT, WIDTH)
    with device:
        pred, target, last = torch.rand(3, *size, dtype=torch.float64)
    return VerificationBatch(pred, target, last, mask_HW, climatology.on(device), geometry=geometry)


def add_batches(
    tensors: Tensors, added_to: Callable[[], Add], geometry: GridGeometry | None = None
) -> None:
    """Add batches, first one with values, then to another accumulation some without."""
    before_HW = coast()
    added_to()(a_batch(before_HW, torch.device("cpu"), geometry), range(SAMPLES))
    add = added_to()
    with tensors() as device:
        mask_HW = indexed_on(before_HW, device)
        for number in range(BATCHES):
            batch = a_batch(mask_HW, device, geometry)
            with RefuseWaitingCopies():  # type: ignore[no-untyped-call]
                add(batch, range(number * SAMPLES, (number + 1) * SAMPLES))


def to_verification(**options: object) -> tuple[Callable[[], Add], list[Verification]]:
    made: list[Verification] = []

    def new() -> Add:
        made.append(Verification(**options))  # type: ignore[arg-type]
        return lambda batch, _: made[-1].add(batch)

    return new, made


@on_tensors_without_values
@pytest.mark.parametrize("metric", METRICS)
def test_no_metric_waits_for_a_batch(metric: str, tensors: Tensors) -> None:
    new, made = to_verification(only=(metric,))

    add_batches(tensors, new)

    with_values, without = made
    assert list(without.metrics) == [metric]
    assert np.isfinite(with_values.overall()[metric])
    assert without.samples == BATCHES * SAMPLES
    with pytest.raises(NEEDS_A_VALUE):  # here is where it may wait
        without.overall()


@on_tensors_without_values
@MEASURES
def test_all_metrics_together_wait_for_no_batch(
    geometry: GridGeometry | None, tensors: Tensors
) -> None:
    new, made = to_verification()

    add_batches(tensors, new, geometry)

    assert made[-1].samples == BATCHES * SAMPLES


def members_of(batch: VerificationBatch) -> Tensor:
    device = batch.pred_BTCHW.device
    noise_K = torch.arange(MEMBERS, device=device, dtype=torch.float64)[:, None, None, None, None]
    return batch.pred_BTCHW[:, None] * (1.0 + 0.1 * noise_K)


@cache
def ensembles(
    tensors: Tensors, geometry: GridGeometry | None
) -> tuple[MetricValues, EnsembleVerification]:
    """Return the metrics of a batch with values, and what batches without were added to."""
    made: list[EnsembleVerification] = []

    def new() -> Add:
        made.append(EnsembleVerification((0.5, 0.9)))
        return lambda batch, windows: made[-1].add(members_of(batch), batch, windows)

    add_batches(tensors, new, geometry)
    with_values, without = made
    return with_values.metric_values(), without


@on_tensors_without_values
@MEASURES
@pytest.mark.parametrize("metric", [*METRICS, *MEMBER_METRICS])
def test_no_metric_of_an_ensemble_waits_for_a_batch(
    metric: str, geometry: GridGeometry | None, tensors: Tensors
) -> None:
    found, without = ensembles(tensors, geometry)

    assert np.isfinite(found.overall[metric])
    with pytest.raises(NEEDS_A_VALUE):
        without.metric_values()


@on_tensors_without_values
@MEASURES
def test_no_score_of_members_waits_for_a_batch(
    geometry: GridGeometry | None, tensors: Tensors
) -> None:
    made: list[MembersVerification] = []

    def new() -> Add:
        made.append(MembersVerification((0.5, 0.9)))

        def add(batch: VerificationBatch, windows: range) -> None:
            members, weights_N = members_of(batch)[:, :, :, 0], batch.truth.weights_N
            observed = batch.target_BTCHW[:, :, 0]
            made[-1].add(members, observed, batch.mask_HW, windows, weights_N)

        return add

    add_batches(tensors, new, geometry)

    with_values, without = made
    scores = with_values.scores()
    assert np.isfinite(scores.crps)
    assert [event.threshold for event in scores.events] == [0.5, 0.9]
    with pytest.raises(NEEDS_A_VALUE):
        without.scores()


@on_tensors_without_values
@MEASURES
def test_no_statistic_of_a_frontier_waits_for_a_batch(
    geometry: GridGeometry | None, tensors: Tensors
) -> None:
    made: list[FrontierStatistics] = []

    def new() -> Add:
        made.append(FrontierStatistics(BATCHES * SAMPLES))
        return lambda batch, _: made[-1].add(batch)

    add_batches(tensors, new, geometry)

    with_values, without = made
    assert with_values.frontier().windows == SAMPLES
    with pytest.raises(NEEDS_A_VALUE):
        without.frontier()


@on_tensors_without_values
@MEASURES
def test_no_statistic_of_windows_waits_for_a_batch(
    geometry: GridGeometry | None, tensors: Tensors
) -> None:
    made: list[WindowAccumulation] = []

    def new() -> Add:
        # The first is given a batch, the second all of them.
        windows = SAMPLES * (BATCHES if made else 1)
        made.append(WindowAccumulation(range(windows), 1, 1))

        def add(batch: VerificationBatch, _: range) -> None:
            made[-1].add("none", batch)
            made[-1].add_truth(batch)

        return add

    add_batches(tensors, new, geometry)

    with_values, without = made
    assert with_values.statistics().forecasts["none"].is_finite
    with pytest.raises(NEEDS_A_VALUE):
        without.statistics()


@on_tensors_without_values
@MEASURES
def test_no_variation_of_the_truth_waits_for_a_batch(
    geometry: GridGeometry | None, tensors: Tensors
) -> None:
    made: list[TruthVariation] = []

    def new() -> Add:
        made.append(TruthVariation(BATCHES * SAMPLES))
        return lambda batch, windows: made[-1].add(batch, torch.tensor(windows))

    add_batches(tensors, new, geometry)

    with_values, without = made
    cells_BN = torch.rand(BATCHES * SAMPLES, 3)
    assert all(np.isfinite(one) for one in with_values.variation(cells_BN).largest.values())
    with pytest.raises(NEEDS_A_VALUE):
        without.variation(cells_BN)


def reading_back(case: VerificationBatch) -> Tensor:
    return case.forecast.cells_BTCN.mean(dim=(2, 3)) * case.forecast.cells_BTCN.mean().item()


def branching(case: VerificationBatch) -> Tensor:
    if (case.pred_BTCHW > case.target_BTCHW).any():
        return case.forecast.cells_BTCN.mean(dim=(2, 3))
    return case.truth.cells_BTCN.mean(dim=(2, 3))


def indexing_by_mask(case: VerificationBatch) -> Tensor:
    return case.pred_BTCHW[..., case.mask_HW].mean(dim=(2, 3))


def fetching(case: VerificationBatch) -> Tensor:
    return torch.from_numpy(case.forecast.cells_BTCN.cpu().numpy()).mean(dim=(2, 3))


def sending(case: VerificationBatch) -> Tensor:
    return (case.pred_BTCHW * torch.ones(WIDTH, device="cpu").to(case.pred_BTCHW)).mean((2, 3, 4))


def picking_by_numbers(case: VerificationBatch) -> Tensor:
    return case.pred_BTCHW[..., torch.tensor([0, 2], device="cpu")].mean(dim=(2, 3, 4))


def add_batches_to(statistic: Statistic, tensors: Tensors, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = Metric((statistic,), lambda mean: mean, "1", "waits")
    monkeypatch.setitem(cast(MutableMapping[str, Metric], METRICS), "waiting", metric)
    add_batches(tensors, to_verification(only=("waiting",))[0])


@on_tensors_without_values
@pytest.mark.parametrize("statistic", [reading_back, branching, indexing_by_mask, fetching])
def test_a_metric_that_waits_is_found(
    statistic: Statistic, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NEEDS_A_VALUE):
        add_batches_to(statistic, tensors, monkeypatch)


@pytest.mark.parametrize("statistic", [sending, picking_by_numbers])
def test_a_metric_that_waits_for_a_copy_is_found(
    statistic: Statistic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WaitingCopy):
        add_batches_to(statistic, meta, monkeypatch)
