"""Leads of ensembles over every ensemble that needs no training."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from fieldsharp.objectives.leads.comparison import ComparedForecast, Comparison
from fieldsharp.objectives.leads.members_lead import members_leads
from fieldsharp.objectives.leads.window_statistics import ForecastWindows, ObservedWindows, Series
from fieldsharp.objectives.targets import Band, Targets

FloatArray = npt.NDArray[np.float64]
WINDOWS = 120
TARGETS = Targets(gradient=Band(1.0, 1.1), peak=Band(2.0, 2.2))


def _series(values_W: FloatArray) -> Series:
    return Series.of(values_W, np.ones(len(values_W), dtype=np.int64))


def _ensemble(crps: float, variogram: float, seed: int, windows: int = WINDOWS) -> ForecastWindows:
    """Scores that vary from window to window, most of it in common with other ensembles."""
    common_W = np.random.default_rng(99).normal(size=windows)
    own_W = np.random.default_rng(seed).normal(size=windows)
    varies_W = 1.0 + 0.2 * common_W + 0.03 * own_W
    return ForecastWindows(
        gradient=_series(np.ones(windows)),
        peak=_series(np.ones(windows)),
        squared_error=_series(varies_W),
        crps=_series(crps * varies_W),
        variogram=_series(variogram * varies_W),
    )


def _compared(name: str, *variables: ForecastWindows) -> ComparedForecast:
    first, *others = variables
    crps = 0.0 if first.crps is None else float(first.crps.values_W().mean())
    return ComparedForecast(
        score=crps,
        rmse=crps,
        sharpener=name,
        windows={name: first},
        others={f"other {n}": {name: one} for n, one in enumerate(others)},
    )


def _comparison(
    references: Mapping[str, ForecastWindows],
    trials: Mapping[int, ForecastWindows],
    windows: int = WINDOWS,
) -> Comparison:
    flat = _series(np.ones(windows))
    observed = ObservedWindows(
        gradient=flat, peak=flat, mean=flat, sizes=[1] * windows, stretches=[0], span=2
    )
    return Comparison(
        references=[_compared(name, one) for name, one in references.items()],
        trials={number: _compared("none", one) for number, one in trials.items()},
        observed=observed,
        targets=TARGETS,
        rmse_weight=0.25,
        seed=0,
        of_members=True,
    )


REFERENCES = {"dressed": _ensemble(1.0, 1.0, 1), "climatology": _ensemble(1.6, 0.9, 2)}


def test_leads_are_those_over_the_reference_that_is_hardest_to_beat() -> None:
    (lead,) = members_leads(_comparison(REFERENCES, {7: _ensemble(0.9, 0.8, 3)}))

    mine, dressed, climatology = (
        one.crps.values_W().mean() if measure == "crps" else one.variogram.values_W().mean()  # type: ignore[union-attr]
        for measure, one in (
            ("crps", _ensemble(0.9, 0.8, 3)),
            ("crps", REFERENCES["dressed"]),
            ("variogram", REFERENCES["climatology"]),
        )
    )
    assert lead.trial == 7
    assert lead.reference == "dressed"
    assert lead.members is not None
    assert lead.members.crps == pytest.approx(1.0 - mine / dressed)
    own = _ensemble(0.9, 0.8, 3).variogram
    assert own is not None
    assert lead.members.variogram == pytest.approx(1.0 - own.values_W().mean() / climatology)
    assert lead.more_than_chance
    assert not lead.is_behind


@pytest.mark.parametrize(
    ("crps", "variogram", "wins"),
    [
        (0.9, 0.8, True),
        (1.1, 0.8, False),  # behind the dressed baseline in CRPS
        (0.9, 0.95, False),  # behind the climatology in variogram score
        (1.0, 0.9, False),  # level with both
    ],
)
def test_an_ensemble_has_to_be_ahead_of_every_reference_in_both_scores(
    crps: float, variogram: float, wins: bool
) -> None:
    (lead,) = members_leads(_comparison(REFERENCES, {1: _ensemble(crps, variogram, 5)}))

    assert lead.more_than_chance is wins


def test_of_many_ensembles_that_are_no_better_hardly_one_seems_ahead() -> None:
    references = {"dressed": _ensemble(1.0, 1.0, 1)}
    found = 0
    for sweep in range(20):
        trials = {n: _ensemble(1.0, 1.0, 1000 + 10 * sweep + n) for n in range(8)}
        leads = members_leads(_comparison(references, trials))
        found += any(lead.more_than_chance for lead in leads)

    assert found <= 2


def test_few_windows_make_a_lead_provisional() -> None:
    references = {"dressed": _ensemble(1.0, 1.0, 1, 12)}
    trials = {1: _ensemble(0.9, 0.9, 2, 12), 2: _ensemble(0.995, 0.9, 2, 12)}
    large, small = members_leads(_comparison(references, trials, 12))

    assert large.provisional
    assert large.more_than_chance
    assert "too few independent windows" in large.words
    assert not small.more_than_chance


def test_of_several_variables_an_ensemble_has_to_be_ahead_in_each() -> None:
    given = _comparison({"dressed": _ensemble(1.0, 1.0, 1)}, {})
    good, bad = _ensemble(0.9, 0.9, 2), _ensemble(1.1, 1.1, 3)
    given = replace(
        given,
        references=[_compared("dressed", _ensemble(1.0, 1.0, 1), _ensemble(1.0, 1.0, 4))],
        trials={1: _compared("none", good, good), 2: _compared("none", good, bad)},
    )

    both, one = members_leads(given)

    assert both.more_than_chance
    assert one.is_behind


def test_single_forecasts_and_diverged_ensembles_have_no_lead() -> None:
    single = _ensemble(0.5, 0.5, 2).model_copy(update={"crps": None, "variogram": None})
    diverged = _ensemble(0.5, 0.5, 2)
    diverged = diverged.model_copy(update={"crps": _series(np.full(WINDOWS, np.nan))})

    assert members_leads(_comparison(REFERENCES, {1: single, 2: diverged})) == []
    assert members_leads(_comparison({"quantile": single}, {1: _ensemble(0.5, 0.5, 3)})) == []
