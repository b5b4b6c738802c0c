"""How often a confirmation is wrong: false winners, coverage of intervals, and power.

    python -m research.confirmation_errors --pools FOLDER [--replays N] [--seeds 3 5] [--json FILE]

Confirmations are replayed from the trainings of `research.confirmation_pool`, with the program's
own comparison. Each replay draws a stretch of time, and without replacement the seeds of every
configuration.

- A null sweep compares three trials with the baseline, all of the same configuration. Where one of
  them wins, it is a false winner.
- An interval of 95 % covers if it holds the mean over all seeds and stretches of the pool.
- Power is the share of confirmations of a trial that is better in which it wins, and the share in
  which it is ahead of the best reference by more than chance.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from fieldsharp.objectives.leads.intervals import sharpness_intervals
from fieldsharp.objectives.leads.window_statistics import (
    FloatArray,
    ForecastWindows,
    ObservedWindows,
)
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.study.confirmation.comparison import ConfirmedForecasts, named_trial
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, Runs
from fieldsharp.sweep.study.confirmation.seed_scoring import SeedScoring
from fieldsharp.sweep.study.confirmation.winner import compare
from fieldsharp.sweep.study.data_summary import BandSummary
from research.confirmation_pool import BASELINE, POOLS, read_runs, read_stretches

COMPARED = 3
"""Trials beside the baseline in a null sweep, as the command compares by default."""
FIGURES = ("gradient", "peak", "rmse")


@dataclass(frozen=True)
class Stretch:
    """A stretch of time with all trainings of the pool, by configuration and seed."""

    scoring: SeedScoring
    runs: dict[str, list[ConfirmedRun]]


@cache
def stretches(folder: Path, pool: str) -> list[Stretch]:
    """Return every stretch of a pool."""
    (known,) = (one for one in POOLS if one.name == pool)
    trained = {name: read_runs(folder, pool, name) for name in known.candidates}
    found = []
    for number, facts in enumerate(read_stretches(folder, pool)):
        gradient, peak = (
            BandSummary.model_validate(facts[name]).band() for name in ("gradient", "peak")
        )
        scoring = SeedScoring(ObjectiveSettings(), Targets(gradient, peak), variation_of(facts))
        of_stretch = {name: [runs[number] for runs in seeds] for name, seeds in trained.items()}
        found.append(Stretch(scoring, of_stretch))
    return found


def variation_of(facts: Mapping[str, JsonValue]) -> FieldVariation | None:
    """Return the variation of the truth of a stretch."""
    return FieldVariation.model_validate(facts["variation"])


def confirmed(
    stretch: Stretch, trials: Sequence[Sequence[ConfirmedRun]], draw_seed: int
) -> ConfirmedForecasts:
    """Return trials as `confirm` compares them, the baseline first; seeds are paired in order."""
    runs: Runs = {}
    for number, of_trial in enumerate(trials):
        for seed, run in enumerate(of_trial):
            update: dict[str, object] = {"trial": number, "seed": seed}
            if number:
                update |= {"sharpened": None, "frontier": None}
            runs[number, seed] = run.model_copy(update=update)
    names = {number: str(number) for number in range(len(trials))}
    seeds = range(len(trials[0]))
    return ConfirmedForecasts.of(names, seeds, runs, stretch.scoring, draw_seed)


def null_sweep(folder: Path, pool: str, seeds: int, draw: int) -> tuple[bool, bool]:
    """Return whether a null sweep has a false winner, and whether chances could be told."""
    rng = np.random.default_rng([draw, seeds])
    found = stretches(folder, pool)
    stretch = found[rng.integers(len(found))]
    drawn = rng.permutation(len(stretch.runs[BASELINE]))[: (1 + COMPARED) * seeds]
    runs = [stretch.runs[BASELINE][index] for index in drawn]
    trials = [runs[k * seeds : (k + 1) * seeds] for k in range(1 + COMPARED)]
    confirmation, _ = compare(confirmed(stretch, trials, draw), finished_trials=0)
    leads = confirmation.over_baseline
    is_told = any(lead.score_chance is not None for lead in leads)
    return confirmation.winner not in (None, 0), is_told


def covered(
    folder: Path, pool: str, name: str, seeds: int, truth: Sequence[float], draw: int
) -> list[bool | None]:
    """Return for each figure whether its interval holds the truth; None where it has no ends."""
    rng = np.random.default_rng([draw, seeds])
    found = stretches(folder, pool)
    stretch = found[rng.integers(len(found))]
    count = min(len(stretch.runs[name]), len(stretch.runs[BASELINE]))
    drawn = rng.permutation(count)[:seeds]
    trials = [[stretch.runs[which][i] for i in drawn] for which in (BASELINE, name)]
    given = confirmed(stretch, trials, draw).over_seeds()
    assert given is not None, "all windows are known"
    (figures,) = sharpness_intervals(given, named_trial(1))
    intervals = [getattr(figures, figure) for figure in FIGURES]
    return [
        None if one.low is None or one.high is None else one.low <= true <= one.high
        for one, true in zip(intervals, truth, strict=True)
    ]


def true_figures(folder: Path, pool: str, name: str) -> list[float]:
    """Return gradient, peak and RMSE as shares, over all seeds and stretches of a pool."""
    found = stretches(folder, pool)
    count = min(len(found[0].runs[name]), len(found[0].runs[BASELINE]))
    logarithms: list[list[float]] = [[], [], []]
    for seed in range(count):
        sums: list[FloatArray] = []
        for stretch in found:
            run = stretch.runs[name][seed]
            baseline, observed = _windows(stretch.runs[BASELINE][seed])
            one, _ = _windows(run)
            assert observed is not None, "it is stored with the baseline"
            series = (
                *(one.gradient, observed.gradient, one.peak, observed.peak, observed.mean),
                *(one.squared_error, baseline.squared_error),
            )
            sums.append(np.array([values.values_W().sum() for values in series]))
        total = np.sum(sums, axis=0)
        logarithms[0].append(float(np.log(total[0] / total[1])))
        logarithms[1].append(float(np.log((total[2] - total[4]) / (total[3] - total[4]))))
        logarithms[2].append(0.5 * float(np.log(total[5] / total[6])))
    return [float(np.exp(np.mean(of_figure))) for of_figure in logarithms]


def _windows(run: ConfirmedRun) -> tuple[ForecastWindows, ObservedWindows | None]:
    """Return a forecast in each window, and the truth where it is stored with it."""
    found = run.window_statistics
    assert found is not None, "all windows are known"
    return found.forecasts[run.sharpening], found.observed


def better(
    folder: Path, pool: str, name: str, stretch: int, seeds: int, draw: int
) -> tuple[bool, bool]:
    """Return whether a trial that is better wins, and is ahead of the best reference."""
    rng = np.random.default_rng([draw, seeds])
    found = stretches(folder, pool)[stretch]
    trials = [
        [found.runs[which][i] for i in rng.permutation(len(found.runs[which]))[:seeds]]
        for which in (BASELINE, name)
    ]
    confirmation, _ = compare(confirmed(found, trials, draw), finished_trials=0)
    lead = confirmation.lead_over_reference(1)
    return confirmation.winner == 1, lead is not None and lead.more_than_chance


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how often confirmations are wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=Path, required=True)
    parser.add_argument("--replays", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args(arguments)
    lines: list[dict[str, object]] = []

    def say(**line: object) -> None:
        lines.append(line)
        print(json.dumps(line), flush=True)

    known = [pool for pool in POOLS if (given.pools / pool.name / "stretches.json").exists()]
    with ProcessPoolExecutor(given.workers) as executor:

        def replayed(one: Callable[[int], Sequence[bool | None]]) -> list[Sequence[bool | None]]:
            return list(executor.map(one, range(given.replays), chunksize=25))

        for pool in known:
            for seeds in given.seeds:
                if pool.stretches is None:
                    for stretch, part in enumerate(("validation", "test")):
                        better_one = partial(
                            better, given.pools, pool.name, "sorted", stretch, seeds
                        )
                        wins, ahead = np.array(replayed(better_one)).mean(axis=0)
                        say(field=pool.name, part=part, seeds=seeds, wins=wins, ahead=ahead)
                    continue
                null = np.array(replayed(partial(null_sweep, given.pools, pool.name, seeds)))
                say(
                    field=pool.name,
                    seeds=seeds,
                    null_sweeps=len(null),
                    false_winners=null[:, 0].mean(),
                    told=null[:, 1].mean(),
                )
                for name in pool.candidates:
                    if len(stretches(given.pools, pool.name)[0].runs[name]) <= seeds:
                        continue  # not trained yet
                    truth = true_figures(given.pools, pool.name, name)
                    found = replayed(partial(covered, given.pools, pool.name, name, seeds, truth))
                    for figure, true, *hits in zip(FIGURES, truth, *found, strict=True):
                        told = [hit for hit in hits if hit is not None]
                        if told and not (name == BASELINE and figure == "rmse"):
                            say(
                                field=pool.name,
                                seeds=seeds,
                                configuration=name,
                                figure=figure,
                                true=true,
                                covered=np.mean(told),
                                told=len(told) / len(hits),
                            )
    if given.json is not None:
        given.json.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
