"""Checks of queued trials before they are trained: another program can queue anything."""

import math
from collections.abc import Collection, Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.core.suggestions import nearest
from fieldsharp.storage.optuna_adapter.internals import QUEUED_PARAMETERS
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange
from fieldsharp.sweep.study import trial_records
from fieldsharp.sweep.study.retry_history import retry_history
from fieldsharp.sweep.study.rung_results import rung_results
from fieldsharp.sweep.study.trial_records import read_spec

OF_A_SWEEP = (
    trial_records.RECORD,
    trial_records.PROVENANCE,
    trial_records.TRAINED,
    trial_records.MICRO_BATCHES,
    trial_records.RUNGS,
    trial_records.PAUSED,
    trial_records.SCORE,
    trial_records.VALUE,
)
"""User attributes that a trial only gets when it is handed out or later."""
SHOWN_CHARACTERS = 80


class TrialRefusedError(Exception):
    """A waiting trial, perhaps to be the baseline, cannot be trained, and has ended."""

    def __init__(self, number: int, reason: str, *, is_baseline: bool = False) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason
        self.is_baseline = is_baseline


def refusal_of_queued_trial(
    trial: FrozenTrial,
    space: Mapping[str, NumberRange | Choices],
    presets: Collection[str],
    trials: Collection[FrozenTrial],
) -> str:
    """Return why a queued trial cannot be trained and what to do, "" where it can be.

    Missing parameters are no reason: the sampler chooses them.
    """
    fixed = trial.system_attrs.get(QUEUED_PARAMETERS, {})
    if not isinstance(fixed, Mapping):
        return f"its queued parameters are {_shown(fixed)}; queue it with a value for each name"
    # The parameters of a trial that was handed out before were checked then.
    params = trial.params if trial.user_attrs.get(trial_records.SPEC) is None else {}
    for name, value in {**fixed, **params}.items():
        reason = _unknown(name, space) if name not in space else _outside(name, value, space[name])
        if reason:
            return reason
    return _wrong_attribute(trial, presets, trials)


def _unknown(name: str, space: Collection[str]) -> str:
    guess = nearest(name, space)
    hint = f"did you mean {guess!r}? " if guess else ""
    return (
        f"its parameter {name!r} is not searched: {hint}queue it with names among "
        f"{', '.join(sorted(space))}"
    )


def _outside(name: str, value: Any, searched: NumberRange | Choices) -> str:
    """Return why the search could not choose a value, "" where it could."""
    if isinstance(searched, Choices):
        is_flag = isinstance(value, bool)
        if any(is_flag == isinstance(c, bool) and c == value for c in searched.choices):
            return ""
        return (
            f"its {name} is {_shown(value)}, none of the choices; queue it with one of "
            f"{', '.join(map(str, searched.choices))}"
        )
    whole = isinstance(searched.low, int) and isinstance(searched.high, int)
    kind = "a whole number" if whole else "a number"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Compared before any conversion: NaN fails, and a huge integer has no float.
    fits = is_number and searched.low <= value <= searched.high
    if fits and not (whole and not float(value).is_integer()):
        return ""
    is_nan = isinstance(value, float) and math.isnan(value)
    what = "outside its range" if is_number and not fits and not is_nan else f"not {kind}"
    return (
        f"its {name} is {_shown(value)}, {what}; queue it with {kind} from {searched.low:g} to "
        f"{searched.high:g}"
    )


def _wrong_attribute(
    trial: FrozenTrial, presets: Collection[str], trials: Collection[FrozenTrial]
) -> str:
    attributes = trial.user_attrs
    preset = attributes.get(trial_records.PRESET)
    if preset is not None and (not isinstance(preset, str) or preset not in presets):
        return (
            f"its attribute {trial_records.PRESET!r} is {_shown(preset)}, no preset of this "
            "study; queue it without that attribute"
        )
    for other in trials if preset is not None else ():
        is_there = other.state is not TrialState.FAIL and other.number < trial.number
        if is_there and other.user_attrs.get(trial_records.PRESET) == preset:
            return (
                f"its attribute {trial_records.PRESET!r} is {preset!r}, and trial {other.number} "
                "is that preset already; queue it without that attribute"
            )
    try:
        spec = read_spec(trial)
        retry_history(trial)
        rung_results(trial)
    except (StudyError, TypeError) as error:
        return (
            f"another program wrote one of its attributes ({error}); queue it with parameters alone"
        )
    micro_batches = attributes.get(trial_records.MICRO_BATCHES, 1)
    if isinstance(micro_batches, bool) or micro_batches not in (1, 2):
        return (
            f"its attribute {trial_records.MICRO_BATCHES!r} is {_shown(micro_batches)}, not 1 or "
            "2; queue it with parameters alone"
        )
    early = [name for name in OF_A_SWEEP if attributes.get(name) is not None]
    if spec is None and early:
        return (
            f"its attribute {early[0]!r} is one that a sweep writes; queue it with parameters alone"
        )
    return ""


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes out
        return "an integer of thousands of digits"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
