from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fieldsharp.core.errors import ConfigError
from fieldsharp.objectives.settings import ObjectiveSettings, TargetSettings
from fieldsharp.objectives.targets import Band, Targets, resolve_targets, targets_already_reached

OBSERVED = {"gradient_observed": 3.2, "peak_observed": 290.0, "mean_observed": 280.0}


def settings_of(**targets: object) -> ObjectiveSettings:
    return ObjectiveSettings(targets=TargetSettings.model_validate(targets))


@pytest.mark.parametrize(
    ("value", "distance"),
    [
        (1.5, math.log(2.0)),  # half the target
        (3.0, 0.0),
        (3.1, 0.0),
        (3.3, 0.0),
        (6.6, math.log(2.0)),  # twice the ceiling
        (0.0, 3.0),
        (-1.0, 3.0),
        (math.nan, 3.0),
    ],
)
def test_the_distance_is_the_logarithm_of_the_factor_that_is_missing(
    value: float, distance: float
) -> None:
    assert Band(low=3.0, high=3.3).distance(value) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("value", "distance"),
    [(285.0, math.log(9.5 / 5.0)), (290.0, 0.0), (301.0, math.log(2.0)), (280.0, 3.0), (9.0, 3.0)],
)
def test_a_peak_is_measured_above_the_mean(value: float, distance: float) -> None:
    band = Band(low=289.5, high=290.5, offset=280.0)

    assert band.distance(value) == pytest.approx(distance)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(nearer=st.floats(0.05, 1.0), step=st.floats(0.01, 0.99))
def test_the_distance_grows_as_a_value_moves_away_on_either_side(
    nearer: float, step: float
) -> None:
    band = Band(low=3.0, high=3.3)

    assert band.distance(3.0 * nearer * step) > band.distance(3.0 * nearer) >= 0.0
    assert band.distance(3.3 / nearer / step) > band.distance(3.3 / nearer) >= 0.0


def test_auto_targets_are_shares_of_the_observed_and_of_the_peak_above_the_mean() -> None:
    targets = resolve_targets(ObjectiveSettings(), OBSERVED)

    assert targets.gradient.low == pytest.approx(0.95 * 3.2)
    assert targets.gradient.high == pytest.approx(1.05 * 3.2)
    assert targets.gradient.offset == 0.0
    assert targets.peak.low == pytest.approx(289.5)  # 280 + 0.95 x 10
    assert targets.peak.high == pytest.approx(290.5)
    assert targets.peak.offset == 280.0


def test_shares_can_be_set() -> None:
    objective = ObjectiveSettings(auto_share=0.8, ceiling_share=1.5)

    targets = resolve_targets(objective, OBSERVED)

    assert targets.gradient.low == pytest.approx(2.56)
    assert targets.gradient.high == pytest.approx(4.8)
    assert targets.peak.low == pytest.approx(288.0)
    assert targets.peak.high == pytest.approx(295.0)


def test_numbers_are_taken_as_they_are_and_the_ceiling_stays_with_the_observed() -> None:
    targets = resolve_targets(settings_of(gradient=3.0, peak=287), OBSERVED)

    assert (targets.gradient.low, targets.peak.low) == (3.0, 287.0)
    assert targets.gradient.high == pytest.approx(3.36)
    assert targets.peak.high == pytest.approx(290.5)
    assert targets.peak.distance(283.5) == pytest.approx(math.log(2.0))


def test_the_observed_itself_meets_every_auto_target() -> None:
    targets = resolve_targets(ObjectiveSettings(auto_share=1.0, ceiling_share=1.0), OBSERVED)

    assert targets.gradient.distance(3.2) == pytest.approx(0.0, abs=1e-12)
    assert targets.peak.distance(290.0) == pytest.approx(0.0, abs=1e-12)


def test_a_target_above_the_ceiling_is_refused_with_the_ceiling() -> None:
    with pytest.raises(
        ConfigError, match=r"objective\.targets\.gradient is 3\.5, beyond the ceiling 3\.36"
    ):
        resolve_targets(settings_of(gradient=3.5), OBSERVED)
    with pytest.raises(ConfigError, match=r"targets\.peak is 291, beyond .*290\.5.*above the mean"):
        resolve_targets(settings_of(peak=291), OBSERVED)


def test_a_target_chosen_elsewhere_is_taken_as_it_is_also_beyond_the_ceiling() -> None:
    targets = resolve_targets(settings_of(gradient=3.5, peak=287), OBSERVED, chosen_elsewhere=True)

    assert (targets.gradient.low, targets.gradient.high) == (3.5, 3.5)
    assert targets.gradient.distance(3.5) == 0.0
    assert targets.gradient.distance(7.0) == pytest.approx(math.log(2.0))
    assert targets.peak.low == 287.0
    assert targets.peak.high == pytest.approx(290.5)


def test_auto_targets_follow_the_observed_wherever_they_were_chosen() -> None:
    here = resolve_targets(ObjectiveSettings(), OBSERVED, chosen_elsewhere=True)

    assert here == resolve_targets(ObjectiveSettings(), OBSERVED)


@pytest.mark.parametrize("peak", [280.0, 140.0])
def test_a_peak_target_at_or_below_the_mean_is_refused(peak: float) -> None:
    with pytest.raises(ConfigError, match=r"targets\.peak is .*not above 280, the observed mean"):
        resolve_targets(settings_of(peak=peak), OBSERVED)


@pytest.mark.parametrize("value", [0, -1.0, "automatic", math.inf, math.nan])
def test_a_target_is_auto_or_a_number_above_zero(value: object) -> None:
    with pytest.raises(ValidationError, match="gradient"):
        settings_of(gradient=value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("auto_share", 0.0), ("auto_share", 1.1), ("ceiling_share", 0.9), ("rmse_weight", -0.1)],
)
def test_an_objective_that_makes_no_sense_is_refused(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match=key):
        ObjectiveSettings.model_validate({key: value})


# --- Targets that ask nothing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gradient", "peak", "asked"),
    [
        (2.133, 112.34, []),
        (3.0, 112.34, ["gradient"]),
        (2.133, 150.0, ["peak"]),
        (3.5, 150.0, ["gradient", "peak"]),
        (math.nan, 150.0, ["peak"]),
        (math.inf, -math.inf, []),
    ],
)
def test_a_target_below_the_baseline_asks_nothing(
    gradient: float, peak: float, asked: list[str]
) -> None:
    targets = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 154.0))
    sentences = targets_already_reached(
        TargetSettings(gradient=3.0, peak=140.0), targets, gradient, peak
    )

    assert [sentence.split(",")[0] for sentence in sentences] == [
        f"the target of the {name}" for name in asked
    ]
    assert all(f"objective.targets.{n}" in s for n, s in zip(asked, sentences, strict=True))
