"""Kills a coordinator, its workers and its trackers, and reads back what the trackers hold."""

import math
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from random import Random

from optuna.trial import FrozenTrial

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import TrialRecord, best_trial, trial_record
from tests.chaos.history import has_study, read_history
from tests.chaos.live_sweep import FINISHED, LiveSweep
from tests.chaos.tally import say
from tests.chaos.tracker_moments import MOMENTS, TRACKERS, Missed, Moment, Progress
from tests.chaos.workspace import STUDY, make_workspace
from tests.sweep.tracking.read_back import (
    STUDY_RUN,
    Run,
    Runs,
    assert_each_once,
    read_mlflow,
    read_tensorboard,
)

TRACKING = "tracking: {tensorboard: {}, mlflow: {}}\n"
EPOCHS, TRIALS, MORE_TRIALS = 4, 4, 4
MOST_MISSED = 20
READERS: dict[str, Callable[[Path, str], Runs]] = {
    "TensorBoard": read_tensorboard,
    "MLflow": read_mlflow,
}
METRICS = ("loss/total", "gradient", "peak", "rmse", "score")
GOOD_STATES = ("1", "FINISHED")
PICTURES = ("maps-first-lead", "maps-last-lead", "spectra", "by-lead")
SAME = 1e-6
"""Relative difference of equal numbers in single precision."""


def tracker_kills(folder: Path, seed: int, kills: int) -> int:
    """Run a sweep with so many kills; return the exit code, 0 where the trackers hold it all."""
    rng = Random(seed)
    workspace = make_workspace(folder, seed=seed, trials=TRIALS, epochs=EPOCHS, deadline_s=60.0)
    with workspace.config.open("a", encoding="utf-8") as config:
        config.write(TRACKING)
    sweep, killed, missed = LiveSweep(workspace, budget=TRIALS), Counter[str](), 0
    plan = _plan(rng, kills)
    try:
        while plan and missed < MOST_MISSED:
            moment, victim = plan[0]
            try:
                _hit(sweep, rng, moment, victim)
            except Missed:
                missed += 1
            else:
                plan.pop(0)
                killed[victim] += 1
                say(f"killed {moment.name}: {victim}")
        if sweep.running:  # a tracker that is killed at the very end is not waited for
            sweep.ended()
        sweep.start_or_resume()
        code = sweep.ended()
        wrong = [f"the sweep ended with {code}: {sweep.last_line}"] if code != FINISHED else []
        if plan:
            wrong.append(f"{len(plan)} kills were not done, their moments did not come")
        return _report(sweep, killed, wrong)
    finally:
        sweep.clean_up()


def _plan(rng: Random, kills: int) -> list[tuple[Moment, str]]:
    """Return moments with what is killed then; those after the last trial come last."""
    every = [(moment, victim) for moment in MOMENTS for victim in moment.victims]
    plan: list[tuple[Moment, str]] = []
    while len(plan) < kills:
        plan += rng.sample(every, min(len(every), kills - len(plan)))
    return sorted(plan, key=lambda hit: (hit[0].is_last, MOMENTS.index(hit[0]) * hit[0].is_last))


def _hit(sweep: LiveSweep, rng: Random, moment: Moment, victim: str) -> None:
    """Kill a process at a moment.

    Raises:
        Missed: If it did not come.
    """
    progress = Progress(sweep, rng)
    if not sweep.running:
        if not moment.is_last and progress.finished() >= sweep.budget:
            sweep.budget += MORE_TRIALS
        sweep.start_or_resume()
    moment.wait(progress, victim if victim in TRACKERS else rng.choice(TRACKERS))
    found = {"coordinator": [sweep.pid], "worker": sweep.workers}.get(victim)
    if found is None:
        found = [pid for name, pid in progress.trackers().items() if name == victim]
    if not found or not has_study(sweep.workspace.database):
        raise Missed
    with suppress(ProcessLookupError):
        os.kill(rng.choice(found), signal.SIGKILL)
    if victim == "coordinator":
        sweep.ended()


def _report(sweep: LiveSweep, killed: Counter[str], wrong: list[str]) -> int:
    history = read_history(sweep.workspace.database)
    victims = ", ".join(f"{name} {count}" for name, count in sorted(killed.items()))
    say(
        f"killed {killed.total()} ({victims}), {len(history)} trials of {EPOCHS} epochs, "
        f"{time.monotonic() - sweep.began:.0f} s"
    )
    if sorted(history) != list(range(sweep.budget)):
        wrong.append(f"of {sweep.budget} trials the database has {sorted(history)}")
    study = load_study(open_database(sweep.workspace.url, "read"), STUDY)
    trials = study.get_trials(deepcopy=False)
    records = {t.number: r for t in trials if (r := trial_record(t)) is not None}
    best = best_trial(trials)
    verdict = re.findall(r"^verdict: (.+)$", sweep.output(), re.MULTILINE)[-1]
    for name, read in READERS.items():
        runs = read(sweep.workspace.folder, STUDY)
        once = [number for number in history if len(runs.get(number, [])) == 1]
        lacking = {number: _lacks(runs[number][0], records[number]) for number in once}
        whole = [number for number, found in lacking.items() if not found]
        say(f"{name}: {len(history)} trials, {len(once)} once, {len(whole)} whole")
        try:
            for metric in METRICS:
                assert_each_once(runs, dict.fromkeys(history, EPOCHS), metric)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
        wrong += [f"{name}: trial {n}: {what}" for n, found in lacking.items() for what in found]
        wrong += [f"{name}: {sentence}" for sentence in _study_lacks(runs, verdict, best)]
    for sentence in wrong:
        say(f"  WRONG: {sentence}")
    return 1 if wrong else 0


def _lacks(run: Run, record: TrialRecord) -> list[str]:
    """Return what is missing, double or other than in the record of the database."""
    wrong = []
    if run.state not in GOOD_STATES:
        wrong.append(f"its state is {run.state!r}")
    stored = {"final/score": record.score, "final/seconds": record.seconds}
    stored |= {f"final/{name}": value for name, value in record.metrics.items()}
    for name, value in stored.items():
        held = run.final.get(re.sub(r"[^\w\-./ ]", "_", name), math.nan)
        if math.isfinite(value) and not math.isclose(held, value, rel_tol=SAME):
            wrong.append(f"its {name} is {held}, not {value}")
    if "COMPLETE" not in run.text or len(run.texts.get("trial", [""])) != 1:
        wrong.append(f"its notes are {run.texts or run.text}")
    return wrong


def _study_lacks(runs: Runs, verdict: str, best: FrozenTrial | None) -> list[str]:
    """Return what is missing or double in the run of the study."""
    found = runs.get(STUDY_RUN, [])
    if len(found) != 1:
        return [f"there are {len(found)} runs of the study"]
    (run,) = found
    wrong = [] if verdict in run.text else [f"the verdict is {run.text!r}, not {verdict!r}"]
    assert best is not None, "some trial breaks no guard"
    if not re.search(rf"\bbest\b\W+trial {best.number}\b", run.text):
        wrong.append(f"the best is trial {best.number}, and it has {run.text!r}")
    shown = re.findall(r"best \| trial (\d+)", " ".join(run.texts.get("pictures", [])))
    drawn = [number for number, _ in groupby(shown)] or [str(best.number)]
    if drawn[-1] != str(best.number):
        wrong.append(f"the pictures are of trial {drawn[-1]}, the best is {best.number}")
    for of, times in (("baseline", 1), ("best", len(drawn))):
        wrong += [
            f"picture {of}/{name} is there {run.pictures[f'{of}/{name}']} times, not {times}"
            for name in PICTURES
            if run.pictures[f"{of}/{name}"] != times
        ]
    texts = run.texts.get("verdict", [])
    if len(set(texts)) < len(texts):
        wrong.append(f"a verdict is there twice: {texts}")
    return wrong
