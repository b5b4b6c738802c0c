"""Checks that must hold at the end of a sweep after any faults."""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import optuna
import torch

from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import trial_record, trial_spec
from fieldsharp.sweep.trials.trial import Trial
from tests.chaos.history import History, is_sound, read_history
from tests.chaos.live_sweep import LiveSweep
from tests.chaos.processes import is_alive
from tests.chaos.recording_predictor import Begun

BEST_KEPT = 3
BASELINE = "000000"
"""Its last checkpoint is kept too, beside those of the best."""
FORBIDDEN = ("Traceback", "unexpected ", "database is locked")
FORESEEN = ("it is waited for", "the database was unavailable then")
"""Of a database that a fault keeps locked."""


@dataclass(frozen=True)
class Check:
    """A check with the violations it found."""

    name: str
    wrong: list[str]


def checks(sweep: LiveSweep, compared: int) -> list[Check]:
    """Return every check of a finished sweep.

    Args:
        sweep: Its process has ended.
        compared: How many of its trials are trained again, undisturbed.
    """
    history, begun = read_history(sweep.workspace.database), sweep.begun()
    epochs = sweep.workspace.epochs
    by_mark = {trials[0].mark: number for number, trials in history.items()}
    found: dict[str, Callable[[], list[str]]] = {
        "every trial complete, each number once": lambda: _complete(history, sweep.budget),
        "the database is sound": lambda: (
            [] if is_sound(sweep.workspace.database) else ["it is not"]
        ),
        "no finished trial was run again": lambda: _run_again(history, begun),
        "every epoch was trained, in order": lambda: _in_order(
            by_mark, begun, epochs, sweep.retrained
        ),
        "at most one epoch lost per kill": lambda: _epochs_lost(sweep, begun),
        "the spool is empty": lambda: _spool(sweep),
        "checkpoints of the best alone": lambda: _checkpoints(sweep),
        "no process is left over": lambda: _left_over(sweep),
        "nothing unforeseen was said": lambda: _unexpected_output(sweep),
        f"{compared} trials bit-equal to undisturbed ones": lambda: differences(
            sweep.workspace.url, compared
        ),
    }
    return [Check(name, check()) for name, check in found.items()]


def _sound(sweep: LiveSweep) -> list[str]:
    return [] if is_sound(sweep.workspace.database) else ["it is not"]


def _complete(history: History, budget: int) -> list[str]:
    states = Counter(trial.state for trials in history.values() for trial in trials)
    wrong = []
    if states != {"COMPLETE": budget}:
        wrong.append(f"{budget} were asked for, there are {dict(states)}")
    if sorted(history) != list(range(budget)):
        wrong.append(f"the numbers are {sorted(history)}")
    return wrong


def _run_again(history: History, begun: list[Begun]) -> list[str]:
    """Return the trials of which an epoch was begun after their result was stored."""
    ended = {
        trial.mark: (trial.number, datetime.fromisoformat(trial.ended_at).timestamp())
        for trials in history.values()
        for trial in trials
        if trial.ended_at is not None
    }
    return [
        f"trial {ended[one.mark][0]}: epoch {one.epoch} was begun after it was told"
        for one in begun
        if one.mark in ended and one.at > ended[one.mark][1]
    ]


def _in_order(
    by_mark: dict[float | None, int], begun: list[Begun], epochs: int, retrained: int
) -> list[str]:
    """Return missing epochs, and complete epochs trained again beyond the allowed number."""
    wrong, back = [], 0
    for mark, number in by_mark.items():
        seen = [one.epoch for one in begun if one.mark == mark]
        if set(seen) != set(range(1, epochs + 1)):
            wrong.append(f"trial {number}: the epochs begun are {sorted(set(seen))}")
        for before, after in itertools.pairwise(seen):
            if after > before + 1:
                wrong.append(f"trial {number}: epoch {after} was begun after epoch {before}")
            back += max(0, before - after)
    if unknown := {one.mark for one in begun} - by_mark.keys():
        wrong.append(f"trials were run that are not in the database: marks {sorted(unknown)}")
    if back > retrained:
        wrong.append(
            f"{back} epochs that were whole were trained again, {retrained} at most had to be"
        )
    return wrong


def _epochs_lost(sweep: LiveSweep, begun: list[Begun]) -> list[str]:
    lost = epochs_lost(sweep, begun)
    allowed = sweep.interrupted + sweep.retrained
    return [f"{lost} epochs were lost, {allowed} at most had to be"] if lost > allowed else []


def epochs_lost(sweep: LiveSweep, begun: list[Begun]) -> int:
    """Return the number of epochs begun beyond the needed ones."""
    return len(begun) - sweep.budget * sweep.workspace.epochs


def _spool(sweep: LiveSweep) -> list[str]:
    return [path.name for path in sweep.workspace.files.glob("*/spool/*")]


def _checkpoints(sweep: LiveSweep) -> list[str]:
    wrong = []
    kept = sorted(path for path in sweep.workspace.files.glob("*/trials/*") if any(path.iterdir()))
    if len([path for path in kept if path.name != BASELINE]) > BEST_KEPT:
        wrong.append(f"{len(kept)} trials have some: {[path.name for path in kept]}")
    for trial in kept:
        files = [path for path in trial.rglob("*") if path.is_file()]
        if len(files) != 1:
            wrong.append(f"trial {trial.name} has {[path.name for path in files]}")
    return wrong


def _left_over(sweep: LiveSweep) -> list[str]:
    time.sleep(0.5)
    return [f"process {pid}" for pid in sweep.left_over() if is_alive(pid)]


def _unexpected_output(sweep: LiveSweep) -> list[str]:
    lines = sweep.output().splitlines()
    found = []
    for index, line in enumerate(lines):
        if any(word in line for word in FORBIDDEN) and not any(word in line for word in FORESEEN):
            trace = _trace(lines[index:]) if "Traceback" in line else [line]
            if not _is_orphaned_spawn(trace):
                found.append(" | ".join(trace))
    return found


def _trace(lines: list[str]) -> list[str]:
    """Return a trace up to the error itself: the first line that is not indented."""
    for count, line in enumerate(lines[1:], start=2):
        if not line.startswith(" "):
            return lines[:count]
    return lines


def _is_orphaned_spawn(trace: list[str]) -> bool:
    """Return whether this is Python's traceback of a child whose parent was killed spawning it.

    No line of the program has run in that child.
    """
    return trace[-1] == "EOFError: Ran out of input" and any("in spawn_main" in t for t in trace)


def differences(url: str, compared: int) -> list[str]:
    """Return how some finished trials differ from an undisturbed training of the same spec.

    Args:
        url: Of the database.
        compared: How many: those that were handed out most often.
    """
    study = load_study(open_database(url, "read"), "torture")
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    wrong = []
    for found in sorted(complete, key=lambda t: -t.user_attrs["spec"]["attempt"])[:compared]:
        spec, record = trial_spec(found), trial_record(found)
        assert spec is not None, "it was handed out"
        assert record is not None, "it is complete"
        torch.set_num_threads(spec.run.training.threads)
        data = load_forecast_data(spec.run.data)
        trial = Trial(spec.run, data, find_hardware(spec.run.training))
        last = list(trial.epochs())[-1]
        metrics = last.sharpened.get(record.sharpener, last.judgement).overall
        wrong += [
            f"trial {found.number}: {name} is {record.metrics[name]!r}, undisturbed {value!r}"
            for name, value in metrics.items()
            if repr(record.metrics.get(name)) != repr(value)  # a NaN is no other NaN's equal
        ]
    return wrong
