"""What a trial had come to at a rung, and how trials at one rung are ranked.

A rung is a number of epochs after which a trial goes on only if it is among the best that came so
far. Ranked is by constrained non-domination (Deb et al. 2002, NSGA-II): those that break no guard
first; among these the fronts one after the other, in a front those with most room around them;
those that break one by how much. With a single value that is its order.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.storage.optuna_adapter.internals import non_domination_ranks
from fieldsharp.sweep.study.trial_records import RUNGS, read_kept


class RungResult(Settings):
    """What a trial had come to at a rung.

    Attributes:
        epochs: It had trained.
        values: What the search minimises, beside the baseline of the same age.
        violation: By how much it broke guards then, in all, beyond what is forgiven at its age;
            0 where it held them.
    """

    epochs: int
    values: tuple[float, ...]
    violation: float = 0.0


def objective_values(
    mode: str, total: float, parts: Mapping[str, float], rmse: float
) -> tuple[float, ...]:
    """Return what the search minimises of a trial.

    Args:
        mode: ``score`` or ``pareto``.
        total: The score.
        parts: Of the score: band distances of ``gradient`` and ``peak``.
        rmse: Physical units.
    """
    return (total,) if mode == "score" else (parts["gradient"], parts["peak"], rmse)


def forgiven(epochs: int, of: int) -> float:
    """Return by how much a guard may be broken after some epochs before that counts.

    What a loss that sharpens has not come to yet is no cheat: such nets still move too little when
    a baseline moves already. (1 - epochs / of)^2, nothing at the end (decision record 19).

    Args:
        epochs: Trained.
        of: In all.
    """
    return (1.0 - epochs / of) ** 2


def total_violation(outcomes: Iterable[GuardOutcome], epochs: int, of: int) -> float:
    """Return by how much guards are broken in all after some epochs, 0 where none counts."""
    allowed = forgiven(epochs, of)
    return sum(max(0.0, outcome.violation - allowed) for outcome in outcomes)


def rung_results(trial: FrozenTrial) -> list[RungResult]:
    """Return what is kept of a trial, rung by rung.

    Raises:
        StudyError: If another version or another program wrote it.
    """
    kept = trial.user_attrs.get(RUNGS) or []
    if not isinstance(kept, list):
        raise StudyError(f"the {RUNGS} of trial {trial.number} are a {type(kept).__name__}")
    return [read_kept(RungResult, one, f"{RUNGS} of trial {trial.number}") for one in kept]


def known_rung_results(trial: FrozenTrial) -> list[RungResult]:
    """Return the same, nothing where it cannot be read."""
    try:
        return rung_results(trial)
    except StudyError:
        return []


def ranked(results: Mapping[int, RungResult]) -> list[int]:
    """Return the trials of one rung, the best first; of equals the one with the lower number."""
    holding = sorted(number for number, result in results.items() if result.violation <= 0.0)
    broken = sorted(
        (number for number, result in results.items() if result.violation > 0.0),
        key=lambda number: (results[number].violation, results[number].values, number),
    )
    values = [results[number].values for number in holding]
    if values and len(values[0]) == 1:
        return sorted(holding, key=lambda number: (results[number].values, number)) + broken
    return [holding[index] for index in _by_front(values)] + broken


def _by_front(values: Sequence[tuple[float, ...]]) -> list[int]:
    if not values:
        return []
    array_NV = np.array(values)
    front_N = non_domination_ranks(array_NV)
    order: list[int] = []
    for front in range(int(front_N.max()) + 1):
        members = np.flatnonzero(front_N == front)
        room = _room_around(array_NV[members])
        # Stable: of equals the first.
        order += members[np.argsort(-room, kind="stable")].tolist()
    return order


def _room_around(values_NV: np.ndarray) -> np.ndarray:
    """Return the crowding distance of each point of a front: infinite at the ends."""
    room_N = np.zeros(len(values_NV))
    for column in values_NV.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        room_N[order[[0, -1]]] = np.inf
        span = ordered[-1] - ordered[0]
        if span > 0:
            room_N[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
    return room_N
