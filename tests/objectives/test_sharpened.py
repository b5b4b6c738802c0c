"""Forecasts with a last step: which is the best, and that none makes a cheat feasible."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.registry import NO_SHARPENER, SHARPENERS
from fieldsharp.model.sharpeners.fitted import fit_sharpener
from fieldsharp.model.sharpeners.interface import Region
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.score import Score
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.sharpened import JudgedForecast, best_of, judge
from fieldsharp.objectives.targets import resolve_targets
from tests.objectives.forecasts import BASELINE, BY_NAME, HONEST, Judged, names


def _judged(
    name: str, score: float, off_centre: float, violations: tuple[float, ...] = ()
) -> JudgedForecast:
    guards = [
        GuardOutcome(name=f"g{i}", value=v, limit=0.0, ok=v <= 0, violation=v, words="it is wrong")
        for i, v in enumerate(violations)
    ]
    values = MetricValues(overall={"rmse": 1.0}, by_lead={})
    return JudgedForecast(name, values, Score(score, score, 0.0, 0.0, off_centre), guards)


@pytest.mark.parametrize(
    ("candidates", "best"),
    [
        # The lowest score, beyond a tie.
        ([_judged("none", 0.5, 1.0), _judged("a", 0.02, 1.5), _judged("b", 0.1, 1.0)], "a"),
        # Within 0.001 the nearer to the centres of the bands, though its score is the higher.
        ([_judged("none", 0.0, 1.2), _judged("a", 0.0009, 1.1), _judged("b", 0.0011, 1.0)], "a"),
        # Equal in all: the forecast as it is.
        ([_judged("none", 0.0, 1.0), _judged("a", 0.0, 1.0)], "none"),
        # Guards come before the score.
        ([_judged("none", 0.5, 1.0, (-0.1,)), _judged("a", 0.0, 1.0, (0.1,))], "none"),
        # None is feasible: the least total violation.
        ([_judged("none", 0.0, 1.0, (0.2, 0.2)), _judged("a", 0.9, 1.0, (0.3, -1.0))], "a"),
    ],
)
def test_the_best_forecast_is_chosen(candidates: list[JudgedForecast], best: str) -> None:
    assert best_of(candidates).sharpener == best


def test_a_ranking_is_that_of_choosing_the_best_again_and_again() -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        scores = draw.choice([0.0, 0.0004, 0.0008, 0.0012, 0.0016, 0.5, np.nan], 12).tolist()
        rmses = draw.choice([1.0, 1.1, np.nan], 12).tolist()
        left, expected = list(range(12)), []
        while left:
            lowest = min(_finite(scores[i]) for i in left)
            tied = [i for i in left if _finite(scores[i]) <= lowest + 0.001]
            expected.append(min(tied, key=lambda i: (_finite(rmses[i]), i)))
            left.remove(expected[-1])
        assert ranked(scores, rmses) == expected


def _finite(value: float) -> float:
    return float("inf") if np.isnan(value) else value


def test_a_guard_is_the_worse_of_both_forecasts() -> None:
    plain = _judged("none", 0.5, 1.0, (0.2, -0.4))
    sharpened = _judged("a", 0.1, 1.0, (-0.3, 0.1)).with_guards_of(plain)

    assert [guard.violation for guard in sharpened.guards] == [0.2, 0.1]


@pytest.mark.parametrize(
    "place",
    [
        "humidity",
        pytest.param("plumes", marks=pytest.mark.slow),
        pytest.param("temperature", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("cheat", [name for name in BY_NAME if name not in HONEST])
def test_no_sharpener_makes_a_cheat_feasible(
    places: dict[str, Judged], place: str, cheat: str
) -> None:
    """Fitted on the very frames it is judged on, to give it every advantage."""
    scene = places[place]
    if not names(scene.outcomes(cheat)):
        pytest.skip("its raw forecast breaks no guard here")
    mask_HW = torch.from_numpy(scene.scene.mask_HW)
    region = Region(mask_HW, scene.scene.climatology.mean_CHW)
    pred, truth = (
        torch.from_numpy(np.ascontiguousarray(field))[:, :, None]
        for field in (scene.forecast(cheat), scene.scene.truth_BTHW)
    )
    forecasts = {NO_SHARPENER: scene[cheat]}
    for name in SHARPENERS:
        sharpened = fit_sharpener(name, region, pred, truth)(pred)
        forecasts[name] = scene.scene.judge(sharpened[:, :, 0].numpy())
    objective, baseline = ObjectiveSettings(), scene[BASELINE]
    targets = resolve_targets(objective, baseline.overall)

    judged = judge(
        *(forecasts, NO_SHARPENER, objective, targets, baseline),
        rmse_multiples={"": scene.rmse_multiples()},
    )

    assert len(judged) == 1 + len(SHARPENERS)
    assert not any(one.feasible for one in judged)


def test_a_sharpener_that_cannot_be_fitted_says_why() -> None:
    flat = torch.full((5, 1, 1, 6, 6), 280.0, dtype=torch.float64)
    region = Region(torch.ones(6, 6, dtype=torch.bool), flat[0, 0])

    with pytest.raises(TrainingFailed, match=r"set sharpening\.name to none or to another"):
        fit_sharpener("spectral", region, flat, flat)
