"""Runs a row by the real commands, ``start`` and ``confirm``, and reads its study."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

from optuna.study import Study

from benchmarks.fields.results import (
    ConfirmedFigures,
    Key,
    ReferenceFigures,
    Result,
    Said,
    Sharpness,
)
from benchmarks.fields.rows import Row
from benchmarks.machine import machine
from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.confirmation.over_seeds import OverSeeds
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.confirmation.runs import Runs, read_runs
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.provenance import git_commit
from fieldsharp.sweep.study.status.report import StudyStatus, study_status
from fieldsharp.sweep.study.trial_records import complete_baseline, trial_record

STUDY = "row"
WORKERS = 2
CONFIRMED = ("success", "promising", "sharpen")
"""Verdicts after which a user would confirm."""


def run_row(row: Row, path: Path, key: Key, work: Path) -> Result:
    """Sweep, confirm where the verdict invites it, and return what is kept.

    Args:
        row: What to run.
        path: File of its field.
        key: Of the result.
        work: Empty folder for the database and what lies beside it.

    Raises:
        FieldsharpError: If a command ended with an error.
    """
    began = time.perf_counter()
    url = f"sqlite:///{work / 'sweep.db'}"
    settings = [f"data.path={path}", *row.changes]
    _command(
        work,
        *("start", str(PROJECT / "configs" / f"{row.config}.yaml"), "--study", STUDY),
        *("--storage", url, "--trials", str(row.trials), "--workers", str(WORKERS), "--quiet"),
        *(word for setting in settings for word in ("--set", setting)),
    )
    seen = [_status(url)]
    if seen[0].verdict.name in CONFIRMED and not seen[0].why_not_confirm:
        _command(
            work,
            *("confirm", STUDY, "--storage", url, "--workers", str(WORKERS)),
            *("--top", str(row.top), "--seeds", str(row.seeds)),
        )
        seen.append(_status(url))
    last = seen[-1]
    study = load_study(open_database(url, "read"), STUDY)
    epochs = epochs_trained(study, read_runs(study, url, "validation"))
    return Result(
        key=key,
        verdicts=[_said(status) for status in seen],
        baseline=Sharpness.of(last.baseline.metrics) if last.baseline else Sharpness(0.0, 0.0),
        baseline_rmse=last.baseline.rmse if last.baseline else 0.0,
        reference=_reference(last),
        confirmed=_confirmed(last.confirmation, study, url),
        trials={state: count for state, count in last.states.items() if count},
        epochs=epochs,
        steps=round(epochs * _steps_an_epoch(study)),
        seconds=round(time.perf_counter() - began, 1),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=git_commit(),
        machine=machine()["cpu"],
    )


def epochs_trained(study: Study, runs: Runs) -> int:
    """Return the passes over the training windows, of trials and of runs of a confirmation.

    Its test trains nothing. Passes of the baseline beyond the epoch where it is kept are counted.
    """
    trials = study.get_trials(deepcopy=False)
    last = (trial.last_step for trial in trials)
    first = complete_baseline(trials)
    baseline = trial_record(first) if first is not None else None
    full = baseline.epochs if baseline is not None else 0
    beyond = (baseline.epochs_looked_at or full) - full if baseline is not None else 0
    done = sum(run.failure is None for run in runs.values())
    return sum(step + 1 for step in last if step is not None) + beyond + full * done


def _steps_an_epoch(study: Study) -> float:
    """Return the training steps of an epoch, 0 where the baseline is not complete."""
    first = complete_baseline(study.get_trials(deepcopy=False))
    baseline = trial_record(first) if first is not None else None
    if baseline is None or baseline.steps is None:
        return 0.0
    return baseline.steps / baseline.epochs


def _command(work: Path, *arguments: str) -> None:
    """Run a command of the program; its files are made in ``work``."""
    command = [sys.executable, str(PROJECT / "run_sweep.py"), *arguments]
    ended = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["it printed nothing"]
        raise FieldsharpError(f"{arguments[0]} ended with exit code {ended.returncode}: {said[-1]}")


def _status(url: str) -> StudyStatus:
    return study_status(load_study(open_database(url, "read"), STUDY), url)


def _said(status: StudyStatus) -> Said:
    verdict = status.verdict
    return Said(verdict.name, verdict.reason, verdict.next)


def _reference(status: StudyStatus) -> ReferenceFigures | None:
    best = status.reference
    if best is None:
        return None
    tested = status.confirmation.tested if status.confirmation is not None else None
    if tested is None or tested.reference is None:
        return ReferenceFigures(best.name, best.score, best.feasible)
    score = tested.reference.score
    return ReferenceFigures(
        best.name,
        best.score,
        best.feasible,
        score.mean if score is not None else None,
        tested.reference.feasible,
    )


def _confirmed(found: Confirmation | None, study: Study, url: str) -> ConfirmedFigures | None:
    """Return the winner on the test split; where none wins the best on the validation split."""
    if found is None:
        return None
    others = [trial for trial in found.trials if trial.trial != found.baseline]
    chosen = next((trial for trial in others if trial.trial == found.best), others[0])
    on_test = found.tested.winner if found.tested is not None else None
    is_tested = on_test is not None and chosen.trial == found.winner
    best: OverSeeds = on_test if on_test is not None and is_tested else chosen
    runs = read_runs(study, url, "test" if is_tested else "validation")
    shares = [
        Sharpness.of(run.judgement.overall)
        for (trial, _), run in runs.items()
        if trial == chosen.trial and run.judgement is not None
    ]
    return ConfirmedFigures(
        trial=chosen.trial,
        configuration=chosen.configuration,
        sharpener=chosen.sharpening,
        wins=chosen.trial == found.winner,
        score=best.score.mean if best.score is not None else None,
        sharpness=Sharpness(
            fmean(one.gradient for one in shares), fmean(one.peak for one in shares)
        )
        if shares
        else None,
        rmse=best.rmse_over_baseline,
        feasible=best.feasible,
        seeds=len(best.outcomes),
    )
