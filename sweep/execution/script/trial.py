"""Runs a script as a trial: follows its output, and evaluates its results when it has ended.

Its files are in the folder of the study:

    trials/000007/project/      the copy it runs in, while the trial runs or is the best
    trials/000007/checkpoints/  its own checkpoints
    trials/000007/epochs.json   the epochs it printed or logged, if it can resume
    output/000007.txt           its output
"""

import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import chain
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
from fieldsharp.sweep.execution.script.error_lines import last_line, printed_error
from fieldsharp.sweep.execution.script.launch import ScriptCall, prepare
from fieldsharp.sweep.execution.script.logged_epochs import LoggedEpochs
from fieldsharp.sweep.execution.script.output import OutputBuffer, OutputParser, PrintedEpoch
from fieldsharp.sweep.execution.script.own_metrics import other_definition
from fieldsharp.sweep.execution.script.process import NoProcessError, ScriptEnd, ScriptProcess
from fieldsharp.sweep.execution.script.project_copy import copy_for_trial
from fieldsharp.sweep.execution.script.project_snapshot import project_snapshot, read_command_line
from fieldsharp.sweep.execution.script.results import LARGEST, ScriptResults, evaluate_results
from fieldsharp.sweep.study.epoch_report import EpochReport, epochs_logged, log_epoch
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
from fieldsharp.sweep.trials.sharpening import SharpeningPlan

HEARTBEAT_INTERVAL_S = 1.0
UNKNOWN_LOSS = 0.0
"""The training loss of a script is not known."""
DEVICE = "script"


class ScriptTrial:
    """One attempt at a trial whose training is a script.

    Args:
        folder: Of the trial's checkpoints, in the folder of a study with a project snapshot.
        end_requested: Called often: True to end at once, False after the epoch, None to go on.
        environment: Variables that limit the script's share of the machine.
    """

    def __init__(
        self,
        spec: TrialSpec,
        folder: Path,
        pipe: Connection,
        end_requested: Callable[[], "bool | None"],
        environment: dict[str, str],
    ) -> None:
        assert spec.run.trainer is not None, "called for scripts only"
        self._spec = spec
        self._settings: ScriptSettings = spec.run.trainer
        self._folder = folder
        self._pipe = pipe
        self._end_requested = end_requested
        self._environment = environment
        self._reports: list[EpochReport] = []
        self._last_epoch: dict[str, float] = {}
        self._output = OutputBuffer()
        self._lines = OutputParser(self._settings)
        self._logged = LoggedEpochs(self._settings, folder / "project")
        self._reported_at = time.perf_counter()

    def run(self) -> TrialEvent:
        """Run the script and return the final event.

        Raises:
            FieldsharpError: If it failed, or has no results that can be scored.
            Interrupted: If its end was requested.
        """
        spec, settings, folder = self._spec, self._settings, self._folder
        number, attempt = spec.number, spec.attempt
        project, checkpoints = folder / "project", folder / "checkpoints"
        snapshot = project_snapshot(folder.parent.parent)
        try:
            if not snapshot.is_dir():
                reason = f"the snapshot of the project in {snapshot} is missing; resume the study"
                return TrialFailed(number, attempt, reason, "data")
            make_private_folder(folder)
            make_private_folder(checkpoints)
            copy_for_trial(settings, snapshot, project)
            line = read_command_line(folder.parent.parent)
            calls = prepare(settings, project, self._variables(checkpoints), line)
        except OSError as error:
            path = error.filename or project
            return TrialFailed(number, attempt, f"{path}: {error.strerror or error}", "data")
        if settings.resumes:
            self._reports = epochs_logged(folder)
        began = self._reported_at = time.perf_counter()
        self._pipe.send(TrialBegan(number, attempt, self._epochs_reported))
        for report in self._reports:
            self._pipe.send(EpochDone(number, attempt, report))
        try:
            end = self._run_all(calls, project, began + settings.timeout_s)
        except NoProcessError as error:
            reason = f"no process can be started for the script ({error})"
            return TrialFailed(number, attempt, reason, "machine")
        finally:
            self._save_output(folder)
        if end is None:
            # The trial may stay paused for long, or forever.
            shutil.rmtree(project, ignore_errors=True)
            return RungReached(number, attempt)
        results = self._evaluate(end, project)
        reported = {**self._last_epoch, **results.reported}
        differing = other_definition(reported, results.judgement.overall)
        if spec.is_baseline and differing:  # once a sweep: it is so in every trial
            self._send_trouble(differing)
        now = time.perf_counter()
        last = max(spec.run.training.epochs - 1, self._epochs_reported)
        report = replace(self._report(last, results.judgement), sharpened=results.sharpened)
        self._pipe.send(EpochDone(number, attempt, report))
        before = sum(report.seconds for report in self._reports)
        return TrialDone(
            number, attempt, max(now - began, before), end.peak_memory_mb, DEVICE, "as it is"
        )

    def _run_all(self, calls: list[ScriptCall], project: Path, deadline: float) -> ScriptEnd | None:
        """Run the scripts one after the other; return how the last ended, None at a rung."""
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
            if end.failure:
                break
        return ScriptEnd(end.failure, peak_memory_mb)

    def _evaluate(self, end: ScriptEnd, project: Path) -> ScriptResults:
        try:
            if end.failure:
                raise TrainingFailed(f"the script {end.failure}")
            plan = SharpeningPlan.for_trial(self._spec)
            return evaluate_results(
                self._settings, project, self._lines.metrics, plan, self._spec.measures
            )
        except FieldsharpError as error:
            raise TrainingFailed(_with_printed(str(error), end, self._output.text())) from error

    def _variables(self, checkpoints: Path) -> dict[str, str]:
        return {
            **self._environment,
            "SWEEP_TRIAL": str(self._spec.number),
            "SWEEP_PROJECT": self._settings.project,
            "SWEEP_CHECKPOINTS": str(checkpoints.resolve()),
            "SWEEP_EPOCHS": str(self._spec.run.training.epochs),
        }

    def _follow(self, script: ScriptProcess, folder: Path, deadline: float) -> bool:
        """Read the output until the script ends or reaches its rung; return whether at its rung.

        Raises:
            TrainingFailed: If it exceeded its time limit.
            Interrupted: If its end was requested.
        """
        sent_at = time.perf_counter()
        after_epoch = False
        while (printed := script.read()) is not None:
            self._output.add(printed)
            logged = self._logged.new(printed=bool(printed))
            for epoch in chain(self._lines.add(printed), logged):
                if self._handle_epoch(epoch, folder) and (after_epoch or self._is_at_rung):
                    if self._is_at_rung:
                        return True
                    raise Interrupted
            now = time.perf_counter()
            if now >= deadline:
                raise TrainingFailed(
                    f"the script did not end within {self._settings.timeout} (trainer.timeout)"
                )
            if now - sent_at >= HEARTBEAT_INTERVAL_S:
                sent_at = now
                self._pipe.send(StepsDone(self._spec.number, self._spec.attempt, 0))
            at_once = self._end_requested()
            if at_once is not None:
                if at_once or not (self._settings.resumes and self._settings.progress):
                    raise Interrupted
                after_epoch = True
            if not printed:
                wait([self._pipe, script.output], min(HEARTBEAT_INTERVAL_S, deadline - now))
        for epoch in chain(self._lines.end(), self._logged.new(ended=True)):
            self._handle_epoch(epoch, folder)
        return False

    @property
    def _epochs_reported(self) -> int:
        return self._reports[-1].epoch + 1 if self._reports else 0

    @property
    def _is_at_rung(self) -> bool:
        until = self._spec.until
        return until is not None and self._epochs_reported >= until

    def _handle_epoch(self, printed: PrintedEpoch, folder: Path) -> bool:
        """Send the report of a printed epoch; return whether it was a new one.

        The last epoch does not count: its report is made of the script's results.
        """
        epoch = printed.epoch - 1
        self._last_epoch = printed.metrics
        if not self._epochs_reported <= epoch < self._spec.run.training.epochs - 1:
            return False
        for name, value in printed.metrics.items():
            if not abs(value) < LARGEST:
                raise TrainingFailed(
                    f"the {name} is {value:g} after epoch {printed.epoch}: the training diverged"
                )
        by_lead = {name: [value] for name, value in printed.metrics.items()}
        report = self._report(epoch, MetricValues(overall=printed.metrics, by_lead=by_lead))
        self._reports.append(report)
        try:
            if self._settings.resumes:
                log_epoch(folder, self._reports)
        except OSError as error:
            self._send_trouble(
                f"the log of its epochs cannot be written ({error.strerror or error})"
            )
        self._pipe.send(EpochDone(self._spec.number, self._spec.attempt, report))
        return True

    def _report(self, epoch: int, metrics: MetricValues) -> EpochReport:
        now = time.perf_counter()
        seconds, self._reported_at = now - self._reported_at, now
        losses = EpochLosses(epoch, UNKNOWN_LOSS, UNKNOWN_LOSS, UNKNOWN_LOSS, UNKNOWN_LOSS)
        return EpochReport(epoch, losses, metrics, seconds)

    def _save_output(self, folder: Path) -> None:
        try:
            save_script_output(folder.parent.parent, self._spec.number, self._output.text())
        except OSError as error:
            self._send_trouble(f"its output cannot be saved ({error.strerror or error})")

    def _send_trouble(self, sentence: str) -> None:
        with suppress(OSError):  # the coordinator is gone
            self._pipe.send(TrialTrouble(self._spec.number, self._spec.attempt, sentence))


def _with_printed(reason: str, end: ScriptEnd, text: str) -> str:
    """Return why a trial failed, with the error that its script printed, else its last line."""
    uncaught = bool(re.search(r"exit code 1$|signal", end.failure))
    if line := printable(" ".join(printed_error(text, is_uncaught=uncaught).split())):
        return f"{reason}: {line}" if end.failure else f"{reason} (it printed: {line})"
    line = printable(last_line(text))
    return f"{reason} (the last it printed: {line})" if line else f"{reason} (it printed nothing)"
