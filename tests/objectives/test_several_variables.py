"""Scores, guards, targets and verdicts of several variables, worked by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.objectives.guards import total_violation
from fieldsharp.objectives.guards_of_variables import check_all_guards, outcomes_of
from fieldsharp.objectives.leads.comparison import Comparison, leads_over_references
from fieldsharp.objectives.leads.lead import AS_IT_IS
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_values
from fieldsharp.objectives.settings import GuardSettings, ObjectiveSettings, TargetSettings
from fieldsharp.objectives.sharpened import best_of, judge
from fieldsharp.objectives.targets import Band, Targets, resolve_all_targets
from fieldsharp.objectives.verdicts.contender import Contender, reaches
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.training_signs import SimpleForecast, TrainingSigns
from fieldsharp.objectives.verdicts.verdict import (
    GAMED,
    NOTHING_TO_FIX,
    STUCK,
    SUCCESS,
    reach_verdict,
)
from tests.objectives.test_lead import _comparison, _forecast, _truth

OF_U10 = Targets(Band(1.0, 1.1), Band(20.0, 22.0, offset=2.0))
TARGETS = Targets(
    Band(3.0, 3.3), Band(140.0, 150.0, offset=20.0), variable="t2m", others={"u10": OF_U10}
)


def values(
    gradient: float = 3.1, peak: float = 145.0, rmse: float = 8.0, u10: MetricValues | None = None
) -> MetricValues:
    overall = {
        "gradient": gradient,
        "peak": peak,
        "rmse": rmse,
        "rmse_climatology": 10.0,
        "anomaly_correlation": 0.9,
        "change_ratio": 1.0,
    }
    by_lead = {name: [value] for name, value in overall.items()}
    others = {} if u10 is None else {"u10": u10}
    return MetricValues(overall=overall, by_lead=by_lead, others=others)


BASELINE = values(2.0, 80.0, 8.0, values(0.5, 11.0, 2.0))


def test_the_score_is_the_mean_of_the_scores_of_variables() -> None:
    # t2m is perfect; u10 has half the gradient, half the peak above 2, and 20 % more RMSE.
    found = values(u10=values(0.5, 11.0, 2.4))

    score = score_values(found, TARGETS, BASELINE, ObjectiveSettings())

    of_u10 = math.log(2) + math.log(2) + 0.25 * 0.2
    assert score.by_variable["t2m"].total == 0.0
    assert score.by_variable["u10"].total == pytest.approx(of_u10)
    assert score.total == pytest.approx(of_u10 / 2)
    assert score.parts == pytest.approx(
        {"gradient": math.log(2) / 2, "peak": math.log(2) / 2, "rmse": 0.025}
    )


def test_one_guard_broken_in_one_variable_makes_the_forecast_infeasible() -> None:
    found = values(rmse=8.0, u10=values(1.05, 21.0, 2.6))  # 1.3 times the baseline's in u10

    (judged,) = judge({"none": found}, "none", ObjectiveSettings(), TARGETS, BASELINE)

    assert not judged.feasible
    assert [guard.name for guard in judged.guards if not guard.ok] == ["u10: rmse"]
    own = outcomes_of(judged.guards, "u10", found.others)
    assert [guard.name for guard in own if not guard.ok] == ["rmse"]
    assert all(guard.ok for guard in outcomes_of(judged.guards, "t2m", found.others))
    assert total_violation(judged.guards) == pytest.approx((2.6 - 2.5) / 2.5)


def test_the_rmse_is_limited_in_each_variable_by_its_own_multiples() -> None:
    found = values(rmse=8.8, u10=values(1.05, 21.0, 2.2))  # 1.1 times the baseline's in both

    outcomes = check_all_guards(
        *(found, GuardSettings(), BASELINE), rmse_multiples={"": [1.2], "u10": [1.05]}
    )

    assert [guard.name for guard in outcomes if not guard.ok] == ["u10: rmse"]


def test_a_sharpener_is_chosen_by_all_variables_at_once() -> None:
    # The first is the better one in t2m, the second in the mean of both.
    first = values(3.1, 145.0, 8.0, values(0.5, 11.0, 2.0))
    second = values(2.9, 145.0, 8.0, values(1.05, 21.0, 2.0))
    forecasts = {"none": BASELINE, "first": first, "second": second}

    judged = judge(forecasts, "none", ObjectiveSettings(), TARGETS, BASELINE)

    assert best_of(judged).sharpener == "second"


def test_errors_in_different_units_are_compared_as_shares_of_the_climatology() -> None:
    of_u10 = values(rmse=2.0).model_copy(update={"overall": {"rmse": 2.0, "rmse_climatology": 4.0}})

    assert values(rmse=8.0).error == 8.0
    assert values(rmse=8.0, u10=of_u10).error == pytest.approx((0.8 + 0.5) / 2)


def test_what_is_of_one_variable_is_stored_as_before_there_were_several() -> None:
    alone, several = values(), values(u10=values())

    assert set(json.loads(alone.model_dump_json())) == {"overall", "by_lead"}
    assert MetricValues.model_validate_json(several.model_dump_json()) == several
    assert several.of("t2m") == alone
    assert several.all_overall["u10: rmse"] == 8.0
    assert set(alone.all_overall) == set(alone.overall)


OBSERVED = {"gradient_observed": 4.0, "peak_observed": 300.0, "mean_observed": 280.0}
OBSERVED_U10 = {"gradient_observed": 2.0, "peak_observed": 12.0, "mean_observed": 0.0}


def observed() -> MetricValues:
    of_u10 = MetricValues(overall=OBSERVED_U10, by_lead={})
    return MetricValues(overall=OBSERVED, by_lead={}, others={"u10": of_u10})


def test_targets_are_set_by_the_name_of_a_variable() -> None:
    given = TargetSettings.model_validate({"u10": {"gradient": 1.5}, "t2m": {"peak": 298}})

    found = resolve_all_targets(ObjectiveSettings(targets=given), observed(), ["t2m", "u10"])

    assert found.gradient.low == pytest.approx(0.95 * 4.0)
    assert found.peak.low == 298.0
    of_u10 = found.by_variable["u10"]
    assert of_u10.gradient == Band(1.5, pytest.approx(2.1))  # type: ignore[arg-type]
    assert of_u10.peak.low == pytest.approx(0.95 * 12.0)


def test_a_target_beyond_its_ceiling_is_named_with_its_variable() -> None:
    given = TargetSettings.model_validate({"u10": {"gradient": 2.5}})

    with pytest.raises(ConfigError, match=r"objective\.targets\.u10\.gradient is 2\.5, beyond"):
        resolve_all_targets(ObjectiveSettings(targets=given), observed(), ["t2m", "u10"])


def test_a_target_of_a_variable_that_is_not_predicted_is_refused() -> None:
    given = TargetSettings.model_validate({"u11": {"gradient": 1.0}})

    with pytest.raises(ConfigError, match=r"unknown variable 'u11': did you mean 'u10'\?"):
        resolve_all_targets(ObjectiveSettings(targets=given), observed(), ["t2m", "u10"])


def contender(
    number: int,
    t2m: tuple[float, float],
    u10: tuple[float, float],
    *broken: tuple[str, str],
    score: float = 0.5,
) -> Contender:
    alone = Contender(number, score, *t2m, broken, sharpens=True, is_baseline=number == 0)
    of_u10 = replace(alone, gradient=u10[0], peak=u10[1])
    return replace(alone, by_variable={"t2m": alone, "u10": of_u10})


SHARP_T2M, SHARP_U10 = (3.1, 145.0), (1.05, 21.0)
BLURRED_T2M, BLURRED_U10 = (2.0, 80.0), (0.5, 11.0)
BLURRED = contender(0, BLURRED_T2M, BLURRED_U10)


def test_a_success_reaches_the_targets_of_every_variable() -> None:
    half = contender(1, SHARP_T2M, BLURRED_U10, score=0.3)
    whole = contender(2, SHARP_T2M, SHARP_U10, score=0.1)

    assert not reaches(half, TARGETS)
    assert reaches(whole, TARGETS)
    units = {"t2m": "K", "u10": "m s-1"}
    without = reach_verdict(Contenders([BLURRED, half], TARGETS, units))
    with_it = reach_verdict(Contenders([BLURRED, half, whole], TARGETS, units))
    assert without.name == STUCK
    assert (with_it.name, with_it.trial) == (SUCCESS, 2)
    assert "t2m: gradient 3.1 (target 3), peak 145 K" in with_it.reason
    assert "u10: gradient 1.05 (target 1), peak 21 m s-1" in with_it.reason


def test_a_different_winner_for_each_variable_is_no_success() -> None:
    trials = [
        BLURRED,
        contender(1, SHARP_T2M, BLURRED_U10, score=0.3),
        contender(2, BLURRED_T2M, SHARP_U10, score=0.3),
    ]

    assert reach_verdict(Contenders(trials, TARGETS)).name != SUCCESS


def test_a_baseline_is_blurred_if_one_variable_is() -> None:
    one = Contenders([contender(0, SHARP_T2M, BLURRED_U10)], TARGETS)
    none = Contenders([contender(0, SHARP_T2M, SHARP_U10)], TARGETS)

    assert one.is_blurred
    assert none.suffices


def test_a_sharp_baseline_of_little_skill_in_one_variable_is_told_so() -> None:
    found = contender(0, SHARP_T2M, SHARP_U10)
    of_u10 = replace(found.by_variable["u10"], skill=0.01)
    found = replace(found, by_variable={**found.by_variable, "u10": of_u10})

    verdict = reach_verdict(Contenders([found], TARGETS))

    assert verdict.name == NOTHING_TO_FIX
    assert verdict.reason.count("its skill over the last known frame") == 1
    assert "its skill over the last known frame of u10 is 0.01" in verdict.reason


def test_progress_is_that_of_the_variable_that_is_least_far() -> None:
    # Half the way in t2m on the logarithmic scale, a quarter in u10.
    trial = contender(1, (3.0 * (2.0 / 3.0) ** 0.5, 80.0), (1.0 * 0.5**0.75, 11.0), score=0.3)

    assert Contenders([BLURRED, trial], TARGETS).progress(trial) == pytest.approx(0.25)


def test_sharpness_that_breaks_a_guard_of_one_variable_is_gamed() -> None:
    noisy = contender(1, SHARP_T2M, SHARP_U10, ("u10: roughness", "it is rougher"), score=0.1)

    verdict = reach_verdict(Contenders([BLURRED, noisy], TARGETS))

    assert (verdict.name, verdict.trial) == (GAMED, 1)
    assert "guard u10: roughness" in verdict.reason


def test_signs_of_too_little_training_are_named_with_their_variable() -> None:
    fine = TrainingSigns(rmse=1.0, rmse_climatology=2.0, variable="t2m")
    behind = TrainingSigns(
        rmse=1.0,
        rmse_climatology=2.0,
        simple=[SimpleForecast("a fitted linear forecast", rmse=0.5, gradient=1.05)],
        variable="u10",
    )
    signs = replace(fine, others=(behind,))

    assert signs.faults == ["u10: its RMSE, 1, is above the 0.5 of a fitted linear forecast"]
    sharp = signs.without_blur(TARGETS)
    assert sharp is not None
    assert sharp.name == "a fitted linear forecast of u10"


def test_the_lead_in_a_variable_twice_is_the_lead_in_it_once() -> None:
    rng = np.random.default_rng(0)
    truth = _truth(300, rng)
    baseline = {AS_IT_IS: _forecast(truth, rng), "spectral": _forecast(truth, rng, share=0.97)}
    alone = _comparison(truth, baseline, {"none": _forecast(truth, rng, share=0.99)})

    def twice(given: Comparison) -> Comparison:
        assert given.observed is not None
        return replace(
            given,
            references=[replace(one, others={"again": one.windows}) for one in given.references],
            trials={
                number: replace(one, others={"again": one.windows})
                for number, one in given.trials.items()
            },
            targets=replace(given.targets, variable="once", others={"again": given.targets}),
            others_observed={"again": given.observed},
        )

    once, both = leads_over_references(alone), leads_over_references(twice(alone))

    assert [lead.model_dump() for lead in both] == [
        pytest.approx(lead.model_dump()) for lead in once
    ]
    assert once[0].score_chance is not None, "else nothing was resampled"
