"""A trial that is a script, or two: run once, heard while it runs, judged by what it leaves behind.

Beside the checkpoints of the other trials of the study stands what it leaves behind:

    trials/000007/project/      the copy it runs in, as long as the trial is at work or the best
    trials/000007/checkpoints/  what it wants to go on from
    trials/000007/epochs.json   what it told of its epochs, where it can go on
    output/000007.txt           what it printed, of every trial
"""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fieldsharp.core.errors import FieldsharpError, TrainingFailed
from fieldsharp.core.printable import printable
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.model.training import Interrupted
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.trial_files.outputs import save_script_output
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.launch import ScriptCall, prepare
from fieldsharp.sweep.execution.script.output_buffer import OutputBuffer
from fieldsharp.sweep.execution.script.output_parser import OutputParser, PrintedEpoch
from fieldsharp.sweep.execution.script.process import NoProcessError, ScriptEnd, ScriptProcess
from fieldsharp.sweep.execution.script.project_copy import copy_for_trial
from fieldsharp.sweep.execution.script.project_snapshot import project_snapshot
from fieldsharp.sweep.execution.script.results import LARGEST, evaluate_results
from fieldsharp.sweep.study.epoch_report import EpochReport, epochs_logged, log_epoch
from fieldsharp.sweep.study.formatting import last_lines
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    RungReached,
    StepsDone,
    TrialBegan,
    TrialDone,
    TrialEvent,
    TrialFailed,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

SIGN_EVERY_S = 1.0
NO_LOSSES = 0.0
"""What a script minimises is not known here."""
DEVICE = "script"


class ScriptTrial:
    """One attempt at a trial that is a script.

    Args:
        spec: What it is given.
        folder: Of the trial's checkpoints, in the folder of a study that keeps the project.
        pipe: To the coordinator.
        told_to_end: Asked often: None to go on, whether at once or after the epoch.
        environment: Variables that say which part of the machine the script may take.
    """

    def __init__(
        self,
        spec: TrialSpec,
        folder: Path,
        pipe: Connection,
        told_to_end: Callable[[], "bool | None"],
        environment: dict[str, str],
    ) -> None:
        assert spec.run.trainer is not None, "a trial without a script is another's"
        self._spec = spec
        self._settings: ScriptSettings = spec.run.trainer
        self._folder = folder
        self._pipe = pipe
        self._told_to_end = told_to_end
        self._environment = environment
        self._reports: list[EpochReport] = []
        self._output = OutputBuffer()
        self._lines = OutputParser(self._settings)
        self._told_at = time.perf_counter()

    def run(self) -> TrialEvent:
        """Run the script and return what came of it.

        Raises:
            FieldsharpError: If it failed, or left nothing that can be scored.
            Interrupted: If it was told to end.
        """
        spec, settings, folder = self._spec, self._settings, self._folder
        number, attempt = spec.number, spec.attempt
        project, checkpoints = folder / "project", folder / "checkpoints"
        kept = project_snapshot(folder.parent.parent)
        try:
            if not kept.is_dir():
                gone = f"the project that is kept with the study, {kept}, is gone; resume the study"
                return TrialFailed(number, attempt, gone, "data")
            make_private_folder(folder)
            make_private_folder(checkpoints)
            copy_for_trial(settings, kept, project)
            calls = prepare(settings, project, self._own_variables(checkpoints))
        except OSError as error:
            where = error.filename or project
            return TrialFailed(number, attempt, f"{where}: {error.strerror or error}", "data")
        self._take_up(folder)
        began = self._told_at = time.perf_counter()
        self._pipe.send(TrialBegan(number, attempt, self._epochs_told))
        for report in self._reports:
            self._pipe.send(EpochDone(number, attempt, report))
        try:
            end = self._run_all(calls, project, began + settings.timeout_s)
        except NoProcessError as error:
            reason = f"no process can be started for the script ({error})"
            return TrialFailed(number, attempt, reason, "machine")
        finally:
            self._keep_output(folder)
        if end is None:
            shutil.rmtree(project, ignore_errors=True)  # it may wait for long, and for nothing
            return RungReached(number, attempt)
        judgement = self._judged(end, project)
        now = time.perf_counter()
        last = max(spec.run.training.epochs - 1, self._epochs_told)
        self._pipe.send(EpochDone(number, attempt, self._report(last, judgement)))
        before = sum(report.seconds for report in self._reports)
        return TrialDone(
            number, attempt, max(now - began, before), end.peak_memory_mb, DEVICE, "as it is"
        )

    def _run_all(self, calls: list[ScriptCall], project: Path, deadline: float) -> ScriptEnd | None:
        """Run one script after the other; return how the last ended, None at a rung."""
        peak_memory_mb, end = 0.0, ScriptEnd("")
        for call in calls:
            script = ScriptProcess(call, project)
            try:
                at_rung = self._follow(script, self._folder, deadline)
            finally:
                end = script.close()
            if at_rung:
                return None
            peak_memory_mb = max(peak_memory_mb, end.peak_memory_mb)
            if end.words:
                break
        return ScriptEnd(end.words, peak_memory_mb)

    def _judged(self, end: ScriptEnd, project: Path) -> MetricValues:
        try:
            if end.words:
                raise TrainingFailed(f"the script {end.words}")
            return evaluate_results(self._settings, project, self._lines.metrics)
        except FieldsharpError as error:
            said = printable(" ".join(last_lines(self._output.text(), 1, 300).split()))
            last = f" (the last it printed: {said})" if said else " (it printed nothing)"
            raise TrainingFailed(f"{error}{last}") from error

    def _own_variables(self, checkpoints: Path) -> dict[str, str]:
        return {
            **self._environment,
            "SWEEP_TRIAL": str(self._spec.number),
            "SWEEP_PROJECT": self._settings.project,
            "SWEEP_CHECKPOINTS": str(checkpoints.resolve()),
            "SWEEP_EPOCHS": str(self._spec.run.training.epochs),
        }

    def _follow(self, script: ScriptProcess, folder: Path, deadline: float) -> bool:
        """Take in what is printed until the script has ended; return whether it is at its rung.

        Raises:
            TrainingFailed: If it ran for too long.
            Interrupted: If it was told to end.
        """
        said_at = time.perf_counter()
        after_epoch = False
        while (printed := script.read()) is not None:
            self._output.add(printed)
            for told in self._lines.add(printed):
                if self._heard(told, folder) and (after_epoch or self._is_at_rung):
                    if self._is_at_rung:
                        return True
                    raise Interrupted
            now = time.perf_counter()
            if now >= deadline:
                raise TrainingFailed(
                    f"the script did not end within {self._settings.timeout} (trainer.timeout)"
                )
            if now - said_at >= SIGN_EVERY_S:
                said_at = now
                self._pipe.send(StepsDone(self._spec.number, self._spec.attempt, 0))
            at_once = self._told_to_end()
            if at_once is not None:
                if at_once or not (self._settings.resumes and self._settings.progress):
                    raise Interrupted
                after_epoch = True
            if not printed:
                wait([self._pipe, script.output], min(SIGN_EVERY_S, deadline - now))
        for told in self._lines.end():
            self._heard(told, folder)
        return False

    @property
    def _epochs_told(self) -> int:
        return self._reports[-1].epoch + 1 if self._reports else 0

    @property
    def _is_at_rung(self) -> bool:
        until = self._spec.until
        return until is not None and self._epochs_told >= until

    def _heard(self, told: PrintedEpoch, folder: Path) -> bool:
        """Pass on an epoch; return whether it was news.

        That of the last epoch is not: its place is taken by what the script comes to.
        """
        epoch = told.epoch - 1
        if not self._epochs_told <= epoch < self._spec.run.training.epochs - 1:
            return False
        for name, value in told.metrics.items():
            if not abs(value) < LARGEST:
                raise TrainingFailed(
                    f"the {name} is {value:g} after epoch {told.epoch}: the training diverged"
                )
        by_lead = {name: [value] for name, value in told.metrics.items()}
        report = self._report(epoch, MetricValues(overall=told.metrics, by_lead=by_lead))
        self._reports.append(report)
        try:
            if self._settings.resumes:
                log_epoch(folder, self._reports)
        except OSError as error:
            self._trouble(f"what it told of its epochs is not kept ({error.strerror or error})")
        self._pipe.send(EpochDone(self._spec.number, self._spec.attempt, report))
        return True

    def _report(self, epoch: int, judgement: MetricValues) -> EpochReport:
        now = time.perf_counter()
        since, self._told_at = now - self._told_at, now
        losses = EpochLosses(epoch, NO_LOSSES, NO_LOSSES, NO_LOSSES, NO_LOSSES)
        return EpochReport(epoch, losses, judgement, since)

    def _take_up(self, folder: Path) -> None:
        """Know the epochs that an earlier attempt told of, where the script goes on after them."""
        if self._settings.resumes:
            self._reports = epochs_logged(folder)

    def _keep_output(self, folder: Path) -> None:
        try:
            save_script_output(folder.parent.parent, self._spec.number, self._output.text())
        except OSError as error:
            self._trouble(f"its output is not kept ({error.strerror or error})")

    def _trouble(self, sentence: str) -> None:
        with suppress(OSError):  # nobody hears it any more
            self._pipe.send(TrialTrouble(self._spec.number, self._spec.attempt, sentence))
