"""Runs of a confirmation with figures to work by hand.

Targets: gradient 2.0 to 2.2, peak 10 to 11; every peak is 10.5, so the score of (gradient 1.6, rmse
1.2) beside a baseline of rmse 1.0 is ln(2.0 / 1.6) + 0.25 (1.2 - 1). An RMSE above that of each
cell's mean, 9, breaks the guard climatology; one above 1.25 of the baseline's the guard rmse.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.study.confirmation.over_seeds import (
    ConfirmedReference,
    ConfirmedTrial,
    OverSeeds,
)
from fieldsharp.sweep.study.confirmation.records import (
    BandsOfSplit,
    Confirmation,
    Tested,
    TestedForecast,
)
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, Runs
from fieldsharp.sweep.study.confirmation.seed_scoring import (
    SeedScoring,
    confirmed_references,
    confirmed_trials,
    winner,
)

TARGETS = Targets(Band(2.0, 2.2), Band(10.0, 11.0))
BANDS = BandsOfSplit.of(TARGETS)
SCORING = SeedScoring(ObjectiveSettings(), TARGETS)
Figures = tuple[float, float] | str
"""Gradient and RMSE, or why the training failed."""


def metrics(gradient: float, rmse: float) -> MetricValues:
    return MetricValues(
        overall={"gradient": gradient, "peak": 10.5, "rmse": rmse},
        by_lead={"rmse": [rmse], "rmse_climatology": [9.0]},
    )


def a_run(trial: int, seed: int, figures: Figures) -> ConfirmedRun:
    """A run without a sharpener."""
    if isinstance(figures, str):
        return ConfirmedRun(trial=trial, seed=seed, failure=figures)
    return ConfirmedRun(trial=trial, seed=seed, judgement=metrics(*figures))


def sharpened_run(
    trial: int, seed: int, figures: tuple[float, float], without: tuple[float, float]
) -> ConfirmedRun:
    """A run under unsharp, and its figures without."""
    return ConfirmedRun(
        trial=trial,
        seed=seed,
        judgement=metrics(*figures),
        sharpening="unsharp",
        without=metrics(*without),
    )


def baseline_run(
    seed: int, figures: tuple[float, float], **sharpened: tuple[float, float]
) -> ConfirmedRun:
    """A run of the baseline, with its figures under each sharpener."""
    return ConfirmedRun(
        trial=0,
        seed=seed,
        judgement=metrics(*figures),
        sharpened={name: metrics(*found) for name, found in sharpened.items()},
    )


def confirmed(**trials: Sequence[Figures]) -> list[ConfirmedTrial]:
    """From t0=..., t4=... with one entry for each of the seeds 1, 2, ..."""
    runs: Runs = {}
    for name, entries in trials.items():
        for seed, figures in enumerate(entries, start=1):
            runs[int(name[1:]), seed] = a_run(int(name[1:]), seed, figures)
    words = {int(name[1:]): f"words of {name}" for name in trials}
    seeds = sorted({seed for _, seed in runs})
    return confirmed_trials(words, seeds, runs, SCORING)


def referenced(
    baseline: Sequence[tuple[float, float]], **sharpened: Sequence[tuple[float, float]]
) -> list[ConfirmedReference]:
    """The baseline under each sharpener, with one entry for each of the seeds 1, 2, ..."""
    runs = []
    for index, figures in enumerate(baseline):
        found: Mapping[str, tuple[float, float]] = {
            name: entries[index] for name, entries in sharpened.items()
        }
        runs.append(baseline_run(index + 1, figures, **found))
    return confirmed_references(runs, SCORING)


def compared(
    trials: Sequence[ConfirmedTrial], references: Sequence[ConfirmedReference] = (), **known: Any
) -> Confirmation:
    """A comparison on the validation split; winner and best are the best trial, if not given."""
    best = winner(trials)
    number = best.trial if best is not None else None
    return Confirmation(
        **{
            "winner": number,
            "best": number,
            "sentence": "",
            "baseline": 0,
            "seeds": [one.seed for one in trials[0].outcomes],
            "finished_trials": 5,
            "part": "validation",
            "trials": list(trials),
            "references": list(references),
            **dict(BANDS),
            **known,
        }
    )


def lead(trial: int, score: float, chance: float | None = None, **known: Any) -> Lead:
    """A lead over the baseline, over ten blocks and three seeds."""
    figures: dict[str, Any] = {
        "reference": "none",
        "rmse": 0.0,
        "score_chance": chance,
        "rmse_chance": None if chance is None else 1.0,
        "blocks": 10,
        "compared": 2,
        "seeds": 3,
        **known,
    }
    return Lead(trial=trial, score=score, **figures)


def on_test_split(
    baseline: ConfirmedTrial,
    best: ConfirmedTrial | None = None,
    reference: ConfirmedReference | None = None,
    **known: Any,
) -> Tested:
    """What was measured on the test split, without intervals unless given."""

    def figures(one: OverSeeds | None) -> TestedForecast | None:
        if one is None:
            return None
        return TestedForecast(**{name: getattr(one, name) for name in OverSeeds.model_fields})

    return Tested(
        **{
            "baseline": figures(baseline),
            "winner": figures(best),
            "reference": figures(reference),
            "sharpener": reference.name if reference is not None else "",
            **dict(BANDS),
            **known,
        }
    )


def confirmation_with_references() -> Confirmation:
    """The baseline, trial 4 under unsharp, which wins, and references, of which one is broken."""
    runs = {
        (0, 1): a_run(0, 1, (1.0, 1.0)),
        (4, 1): sharpened_run(4, 1, (2.0, 1.0), without=(1.0, 1.0)),
    }
    return compared(
        confirmed_trials({0: "baseline", 4: "words of t4"}, [1], runs, SCORING),
        referenced([(1.0, 1.0)], inflate=[(1.6, 1.0)], quantile=[(2.0, 1.3)]),
        sentence="trial 4 under unsharp wins",
    )
