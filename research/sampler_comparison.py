"""Sampler settings compared by the training they need to find a good configuration.

    python -m research.sampler_comparison CURVES [--landscape cosine ...] [--sweeps N]
        [--rows NAME ...]

CURVES is the file written by ``research.early_look_correlation``. Sweeps are simulated on
landscapes drawn from its curves, of each schedule, and on an analytic one: hundreds of sweeps in
the time of one real one. Prints how well the curves predict one another, then for every setting the
epochs until a training among the best 1 % of random configurations is complete (median, and how
many sweeps did not get that far), and the rank of a sweep's best trial after a third, two thirds
and all of its epochs: the share of random configurations whose true score is better, as a
geometric mean.
"""

import argparse
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from fieldsharp.model.registry import loss_variant
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import preset_parameters, presets
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import DEFAULT_SPACE, SearchSettings, SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.data_summary import DataSummary
from research.early_look_correlation import QUICKSTART, SCHEDULES, ranks, read_curves
from research.score_landscapes import Analytic, Array, Known, Landscape, Measured, variants
from research.simulated_sweep import Finished, Plan, SimulatedSweep

ANALYTIC = "analytic"
EPOCHS = 288
"""Epoch budget of a sweep: 24 whole trainings of 12 epochs."""
RANDOM_TRIALS = 1500
GOOD = 0.01
LEAST_SHARE = 0.5 / RANDOM_TRIALS
Queue = list[Mapping[str, Scalar]]


def _tpe(**options: object) -> Callable[[int], BaseSampler]:
    return lambda seed: TPESampler(seed=seed, **options)  # type: ignore[arg-type]


def _share_below(share: float) -> Callable[[int], int]:
    return lambda n: max(1, math.ceil(share * n))


def _stratified(seed: int, only: Sequence[str] = ()) -> Queue:
    """Return ten configurations, Latin hypercube over the numbers, variants in turn."""
    from scipy.stats import qmc

    rng = np.random.default_rng(seed)
    names = [str(name) for name in rng.permutation(only or variants())] * 2
    found: Queue = []
    for (a, b, c, d), name in zip(qmc.LatinHypercube(d=4, rng=rng).random(10), names, strict=False):
        found.append(
            {
                "loss_variant": name,
                "gradient_weight": float(10 ** (-2 + 3 * a)),
                "multi_step": "last" if d < 0.5 else "all",
                "learning_rate": float(10 ** (-4 + 2 * b)),
                "warmup_fraction": float(0.3 * c),
            }
        )
    return found


def rows(queues: Mapping[str, Queue], seed: int) -> dict[str, Plan]:
    """Return the compared plans by name for one seed, which draws the startup trials."""
    sharpening = [name for name in variants() if loss_variant(name).sharpens]
    default = Plan(_tpe(), queues["sharpeners"])

    def tpe(**options: object) -> Plan:
        return replace(default, sampler=_tpe(**options))

    def rungs(view: str, *epochs: int) -> Plan:
        return replace(default, rungs=epochs, view=view)  # type: ignore[arg-type]

    return {
        "random": replace(default, sampler=lambda seed: RandomSampler(seed=seed)),
        "Optuna's TPE": default,
        "TPE univariate": tpe(multivariate=False),
        "TPE no constant liar": tpe(constant_liar=False),
        "TPE startup 5": tpe(n_startup_trials=5),
        "TPE startup 20": tpe(n_startup_trials=20),
        "TPE gamma 0.2": tpe(gamma=_share_below(0.2)),
        "TPE gamma 0.3": tpe(gamma=_share_below(0.3)),
        "TPE 64 candidates": tpe(n_ei_candidates=64),
        "TPE startup 5, 64": tpe(n_startup_trials=5, n_ei_candidates=64),
        "TPE 256 candidates": tpe(n_ei_candidates=256),
        "TPE 8 candidates": tpe(n_ei_candidates=8),
        "TPE endpoints": tpe(consider_endpoints=True),
        "branches: weight": replace(tpe(group=True), branches=("gradient_weight",)),
        "branches: weight, steps": replace(
            tpe(group=True), branches=("gradient_weight", "multi_step")
        ),
        "branches, startup 5, 64": replace(
            tpe(group=True, n_startup_trials=5, n_ei_candidates=64),
            branches=("gradient_weight", "multi_step"),
        ),
        "startup stratified": replace(default, queued=[*queues["sharpeners"], *_stratified(seed)]),
        "startup sharpening": replace(
            default, queued=[*queues["sharpeners"], *_stratified(seed, sharpening)]
        ),
        "presets baseline": replace(default, queued=queues["baseline"]),
        "presets plan": replace(default, queued=queues["plan"]),
        "presets all": replace(default, queued=queues["all"]),
        "presets all, plan first": replace(
            default, queued=[*queues["plan"], *queues["sharpeners"][1:]]
        ),
        "presets all, 64": replace(tpe(n_ei_candidates=64), queued=queues["all"]),
        "4 workers": replace(default, workers=4),
        "4 workers, no liar": replace(tpe(constant_liar=False), workers=4),
        "rungs 3 6 12, pruned": rungs("pruned", 3, 6, 12),
        "rungs 3 6 12, latest": rungs("latest", 3, 6, 12),
        "rungs 3 6 12, corrected": rungs("corrected", 3, 6, 12),
        "rungs 3 6 12, lowest": rungs("lowest", 3, 6, 12),
        "rungs 3 6 12, random": replace(
            rungs("pruned", 3, 6, 12), sampler=lambda seed: RandomSampler(seed=seed)
        ),
        "rungs 2 4 12, pruned": rungs("pruned", 2, 4, 12),
        "rungs 1 4 12, pruned": rungs("pruned", 1, 4, 12),
        "rungs 4 12, pruned": rungs("pruned", 4, 12),
        "rungs 6 12, pruned": rungs("pruned", 6, 12),
    }


def queues(config: SweepConfig, facts: DataSummary) -> dict[str, Queue]:
    """Return the parameters of each set of presets, the variant first."""
    found: dict[str, Queue] = {}
    for wanted in ("baseline", "plan", "sharpeners", "all"):
        search = config.search.model_copy(update={"presets": wanted})
        here = config.model_copy(update={"search": search})
        found[wanted] = []
        for preset in presets(here):
            values = preset_parameters(preset, here, facts.weight_units.get(preset.name, 1.0))
            found[wanted].append({name: values[name] for name in ("loss_variant", *values)})
    return found


def measured(file: Path, schedule: str, config: SweepConfig, targets: Targets) -> Measured:
    """Return the posterior of landscapes given the curves of one schedule."""
    curves = read_curves(file)
    of = {one.index: one for one in ranks(curves, schedule, config.objective, targets)}
    values = {c.index: c.values for c in curves if c.schedule == schedule}
    # So little weight that any variant is the baseline.
    at_zero: dict[str, Scalar] = {
        "gradient_weight": 0.002,
        "loss_variant": variants()[0],
        "multi_step": "all",
        "learning_rate": config.training.learning_rate,
        "warmup_fraction": config.training.warmup_fraction,
    }
    known = {
        index: Known(values[index] or at_zero, one.scores, one.worst) for index, one in of.items()
    }
    return Measured([one for index, one in sorted(known.items()) if index >= 0], known[-1])


@dataclass(frozen=True)
class Arrival:
    """Epochs of one sweep to a good training, and the shares of better configurations."""

    epochs: int | None
    shares: tuple[float, ...]


def arrival(done: Sequence[Finished], random: Array, epochs: int) -> Arrival:
    """Rank the trials of a sweep among the sorted true scores of random configurations."""
    good = random[int(GOOD * len(random))]
    first = next((one.epochs for one in done if one.true <= good), None)
    shares = []
    for third in (1, 2, 3):
        finished = [one for one in done if one.epochs <= third * epochs / 3]
        best = min(finished, key=lambda one: one.observed, default=None)
        truly = np.searchsorted(random, best.true) / len(random) if best is not None else 1.0
        shares.append(max(LEAST_SHARE, float(truly)))
    return Arrival(first, tuple(shares))


def line(name: str, arrivals: Sequence[Arrival], beside: Sequence[Arrival]) -> str:
    """Return a table row; the last column is the paired ratio to Optuna's TPE."""
    reached = [math.inf if one.epochs is None else one.epochs for one in arrivals]
    away = sum(math.isinf(value) for value in reached)
    shares = np.exp(np.mean(np.log([one.shares for one in arrivals]), axis=0))
    ratios = np.log([a.shares[-1] / b.shares[-1] for a, b in zip(arrivals, beside, strict=True)])
    error = ratios.std() / math.sqrt(len(ratios))
    low, high = (math.exp(ratios.mean() + side * 2 * error) for side in (-1, 1))
    return (
        f"{name:26s} {median(reached):6.0f} {away / len(reached):6.0%}  "
        + " ".join(f"{share:7.2%}" for share in shares)
        + f"   x {math.exp(ratios.mean()):.2f} ({low:.2f} to {high:.2f})"
    )


def compare(
    draw: Callable[[np.random.Generator], Landscape],
    starts: Mapping[str, Queue],
    sweeps: int,
    wanted: Sequence[str] = ("",),
    epochs: int = EPOCHS,
) -> list[str]:
    """Return a row for every setting: the same landscapes and seeds for each."""
    space = distributions(SearchSettings(space=dict(DEFAULT_SPACE)))
    space = {name: space[name] for name in ("loss_variant", *space)}
    names = [name for name in rows(starts, 0) if name.startswith(("Optuna's TPE", *wanted))]
    found: dict[str, list[Arrival]] = {name: [] for name in names}
    for seed in range(sweeps):
        rng = np.random.default_rng(seed)
        landscape = draw(rng)
        study = optuna.create_study(sampler=RandomSampler(seed=seed))
        drawn = [dict(study.ask(space).params) for _ in range(RANDOM_TRIALS)]
        random = np.sort(landscape.true(drawn))
        for name in names:
            plan = rows(starts, seed)[name]
            done = SimulatedSweep(landscape, space, plan, seed).run(epochs)
            found[name].append(arrival(done, random, epochs))
    beside = found["Optuna's TPE"]
    return [line(name, arrivals, beside) for name, arrivals in found.items()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw landscapes, simulate sweeps on them and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("curves", type=Path)
    parser.add_argument("--config", type=Path, default=QUICKSTART)
    parser.add_argument("--landscape", nargs="+", choices=(*SCHEDULES, ANALYTIC))
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--rows", nargs="+", default=[""], help="beginnings of row names")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Of options that are compared, some are experimental and some on their way out.
    warnings.simplefilter("ignore", ExperimentalWarning)
    warnings.simplefilter("ignore", FutureWarning)
    config = load_config(given.config, ["training.epochs=12"]).config
    facts = run_preflight(config).facts
    starts = queues(config, facts)
    for name in given.landscape or (*SCHEDULES, ANALYTIC):
        draw: Callable[[np.random.Generator], Landscape] = Analytic
        if name == ANALYTIC:
            print("analytic")
        else:
            found = measured(given.curves, name, config, facts.targets)
            agreement = ", ".join(f"{what} {v:.2f}" for what, v in found.agreement().items())
            print(f"{name}: {len(found.known)} curves; leave-one-out prediction: {agreement}")
            draw = found.draw
        print(f"{'':26s} epochs   away    a third  two   all      beside Optuna's TPE")
        for row in compare(draw, starts, given.sweeps, given.rows, given.epochs):
            print(f"  {row}", flush=True)


if __name__ == "__main__":
    main()
