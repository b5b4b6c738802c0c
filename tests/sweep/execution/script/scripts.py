"""Scripts as real processes, run by a worker of this process."""

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fieldsharp.fields.settings import DataSettings
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.settings import SharpeningSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.local.worker import Worker
from fieldsharp.sweep.execution.script.project_snapshot import (
    project_snapshot,
    save_project_snapshot,
)
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_events import End, EpochDone, TrialEvent, TrialTrouble
from fieldsharp.sweep.study.trial_spec import Assignment, TrialSpec

PRINTED = {name: rf"\b{name}[ =:]+(\S+)" for name in ("gradient", "peak", "rmse")}
ALL_WELL = 'print("gradient 2.1 peak 112 rmse 0.5")\n'
PROGRESS = r"epoch (?P<epoch>\d+) gradient (?P<gradient>\S+) peak (?P<peak>\S+) rmse (?P<rmse>\S+)"


@dataclass
class Ran:
    """What was heard of a script."""

    end: End
    reports: list[EpochReport] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    printed: str = ""
    seconds: float = 0.0

    @property
    def reason(self) -> str:
        """Why it failed."""
        return str(getattr(self.end, "reason", ""))


def run_script(
    folder: Path,
    source: str,
    *,
    epochs: int = 1,
    until: int | None = None,
    attempt: int = 1,
    message: tuple[str, Callable[[], bool]] | None = None,
    preset: str | None = None,
    sharpening: str = NO_SHARPENER,
    **settings: object,
) -> Ran:
    """Run ``train.py`` as a trial.

    Args:
        folder: Where project and study stand.
        source: Of the script.
        epochs: Of the training.
        until: Rung.
        attempt: At the trial.
        message: What the worker is told, as soon as something holds.
        preset: Of the trial, such as that of the baseline.
        sharpening: Name of its sharpener.
        settings: Of the trainer.
    """
    project = folder / "project"
    project.mkdir(parents=True, exist_ok=True)
    (project / "train.py").write_text(source, encoding="utf-8")
    tree = {
        "command": ["python", "train.py"],
        "project": str(project),
        "patterns": PRINTED,
        **settings,
    }
    trainer, study = ScriptSettings.model_validate(tree), folder / "study"
    save_project_snapshot(trainer, project_snapshot(study))
    run = RunSettings(
        data=DataSettings(path=""), trainer=trainer, sharpening=SharpeningSettings(name=sharpening)
    )
    run = run.model_copy(update={"training": run.training.model_copy(update={"epochs": epochs})})
    spec = TrialSpec(number=7, attempt=attempt, preset=preset, run=run, until=until)
    ours, theirs = multiprocessing.Pipe()
    worker = _Told(theirs, message)
    began = time.perf_counter()
    worker._run(Assignment(spec=spec, checkpoints=study / "trials" / "000007"))
    heard: list[TrialEvent] = []
    while ours.poll():
        heard.append(ours.recv())
    end = heard[-1]
    assert isinstance(end, End)
    output = study / "output" / "000007.txt"
    return Ran(
        end,
        [event.report for event in heard if isinstance(event, EpochDone)],
        [event.sentence for event in heard if isinstance(event, TrialTrouble)],
        output.read_text(encoding="utf-8") if output.exists() else "",
        time.perf_counter() - began,
    )


class _Told(Worker):
    """A worker that hears a message as soon as something holds."""

    def __init__(
        self,
        pipe: "multiprocessing.connection.Connection",
        message: tuple[str, Callable[[], bool]] | None,
    ) -> None:
        super().__init__(pipe)
        self._message = message

    def _end_requested(self) -> bool | None:
        if self._message is not None and self._message[1]():
            return self._message[0] == "cancel"
        return None


def is_alive(pid: int) -> bool:
    """Return whether a process is there and not dead already."""
    try:
        os.kill(pid, 0)
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (OSError, ProcessLookupError):
        return False


def pid_in(path: Path) -> int:
    """Return the number that a script wrote down."""
    return int(path.read_text(encoding="utf-8"))
