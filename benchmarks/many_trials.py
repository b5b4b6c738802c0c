"""A study of many trials, made from one that was really run: what is read of it is then measured.

    python -m benchmarks.many_trials URL STUDY --trials 1000 --steps 20

The trials of ``STUDY`` are copied within it, with their records, guards and specs, until there are
so many. A copy has parameters of its own, drawn from the search space, and figures some percent
from those it was copied from, so that charts have something to show. One in twenty is pruned, one
in fifty failed. The copies have no checkpoints and no samples.
"""

import argparse
import copy
import math
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.storage.database import open_database
from fieldsharp.storage.optuna_adapter.transaction import one_transaction
from fieldsharp.sweep.configuration.ranges import setting_path
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import (
    FAILURE,
    PRESET,
    RECORD,
    SCORE,
    SHOWN,
    SPEC,
    TRAINED,
    is_baseline,
)

AT_A_TIME = 10
PRUNED_OF = 20
FAILED_OF = 50


def make_many_trials(url: str, source_study: str, trials: int, steps: int) -> None:
    """Add copies of a study's complete trials to it until it has so many.

    Args:
        url: Address of its database, which is written to: give a copy.
        source_study: Its name; at least one trial beside the baseline must be complete.
        trials: How many it is to have.
        steps: How many scores by epoch each copy has.
    """
    study = load_study(open_database(url, "write"), source_study)
    there = study.get_trials(deepcopy=False)
    complete = [t for t in there if t.state is TrialState.COMPLETE and not is_baseline(t)]
    assert complete, "at least one trial beside the baseline must be complete"
    random_numbers = random.Random(0)
    numbers = range(len(there), trials)
    for first in range(numbers.start, numbers.stop, AT_A_TIME):
        # By itself each value of each attribute would be a transaction.
        with one_transaction(study):
            for number in range(first, min(first + AT_A_TIME, numbers.stop)):
                source = complete[number % len(complete)]
                _add(study, source, number, steps, random_numbers)


def _add(
    study: Study, source: FrozenTrial, number: int, steps: int, random_numbers: random.Random
) -> None:
    drawn = source.distributions.items()
    params = {name: _drawn(distribution, random_numbers) for name, distribution in drawn}
    user = copy.deepcopy(source.user_attrs)
    for name in (PRESET, TRAINED):
        user.pop(name, None)
    user[SPEC] |= {"number": number, "preset": None}
    for name, value in params.items():
        section, key = setting_path(name).split(".", 1)
        if key in user[SPEC]["run"][section]:
            user[SPEC]["run"][section][key] = value
    factor = math.exp(random_numbers.gauss(0.0, 0.05))
    user[SCORE] = score = user[RECORD]["score"] * factor * factor
    user[RECORD]["score"] = score
    overall = user[RECORD]["judgement"]["overall"]
    for name in ("gradient", "rmse"):
        overall[name] *= factor
    user |= {name: overall[name] for name in SHOWN}
    state = _state(number)
    if state is TrialState.FAIL:
        user = {SPEC: user[SPEC], FAILURE: "the training diverged"}
    began = source.datetime_start
    added = create_trial(
        state=state,
        params=params,
        distributions=source.distributions,
        values=None if state is TrialState.FAIL else _values(source, user[RECORD], score),
        user_attrs=user,
        system_attrs={} if state is TrialState.FAIL else _constraints(source),
        intermediate_values={step: score * (1.0 + 1.0 / (step + 1)) for step in range(steps)},
    )
    if began is not None and source.duration is not None:
        added.datetime_start = began + timedelta(seconds=number)
        added.datetime_complete = added.datetime_start + source.duration
    study.add_trial(added)


def _state(number: int) -> TrialState:
    if number % FAILED_OF == 0:
        return TrialState.FAIL
    return TrialState.PRUNED if number % PRUNED_OF == 1 else TrialState.COMPLETE


def _values(source: FrozenTrial, record: dict[str, Any], score: float) -> list[float]:
    if len(source.values) == 1:
        return [score]
    parts = record["score_parts"]
    return [parts["gradient"], parts["peak"], record["judgement"]["overall"]["rmse"]]


def _constraints(source: FrozenTrial) -> dict[str, Any]:
    return {n: v for n, v in source.system_attrs.items() if n.startswith("constraints")}


def _drawn(distribution: BaseDistribution, random_numbers: random.Random) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return random_numbers.choice(distribution.choices)
    low, high = getattr(distribution, "low"), getattr(distribution, "high")  # noqa: B009
    if getattr(distribution, "log", False):
        value = math.exp(random_numbers.uniform(math.log(low), math.log(high)))
    else:
        value = random_numbers.uniform(low, high)
    value = min(max(value, low), high)
    return round(value) if isinstance(low, int) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill a study."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("study")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args(arguments)
    make_many_trials(given.url, given.study, given.trials, given.steps)


if __name__ == "__main__":
    main()
