"""The worker of one slot: trains one trial after another and sends events to the coordinator.

It lives on between trials, since loading torch and the data takes longer than a short trial, and
has no access to the database: it communicates through a pipe alone.
"""

import logging
import os
import resource
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from fieldsharp.core.errors import DataError, FieldsharpError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.settings import DataSettings, GridMeasures
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.model.device import Hardware, find_hardware, is_out_of_memory, release_memory
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.training import Interrupted
from fieldsharp.sweep.configuration.training_length import pilot_of
from fieldsharp.sweep.execution.executor import CANCEL, PAUSE, QUIT, READY
from fieldsharp.sweep.execution.script.trial import ScriptTrial
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    FoundLength,
    RungReached,
    StepsDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_spec import Assignment, Part, SharedData, TrialSpec
from fieldsharp.sweep.trials.baseline_weights import (
    Weights,
    baseline_training,
    kept_weights,
    weights_of,
)
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL_S = 1.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """Runs one trial after another; keeps the last data set and its evaluators in memory.

    ``gpu`` is the only GPU that this process sees; None if it was not restricted to one.
    """

    def __init__(self, pipe: Connection, gpu: str | None = None) -> None:
        self.pipe = pipe
        self._gpu = gpu
        self._data: tuple[DataSettings, GridMeasures, torch.device, ForecastData] | None = None
        self._evaluators: dict[Part, Evaluator] = {}  # of that data
        self._preview_builder: PreviewBuilder | None = None  # of that data
        self._shared: SharedData | None = None
        self._quit_requested = False
        self._pause_requested = False

    def serve(self) -> None:
        """Run trials until asked to quit or the coordinator is gone."""
        self.pipe.send(READY)
        while not self._quit_requested:
            try:
                message = self.pipe.recv()
                if message == QUIT:
                    return
                if message not in (CANCEL, PAUSE):  # which came too late for their trial
                    self._run(Assignment.model_validate_json(message))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return  # the coordinator is gone

    def _run(self, assignment: Assignment) -> None:
        spec = assignment.spec
        number, attempt = spec.number, spec.attempt
        self._pause_requested = False
        self._shared = assignment.shared
        out_of_memory = False
        event: TrialEvent
        try:
            event = self._train(spec, assignment.checkpoints)
        except Interrupted:
            event = TrialCancelled(number, attempt)
        except FieldsharpError as error:
            event = TrialFailed(number, attempt, str(error))
        except (Exception, SystemExit) as error:
            # User code may raise anything. If the pipe raised, because the coordinator is gone,
            # sending raises again and ends the worker.
            logger.debug("trial %d failed", number, exc_info=True)
            out_of_memory = is_out_of_memory(error)
            message = " ".join(str(error).split())[:500]
            reason = f"{type(error).__name__}: {message}{_user_line(error, spec.run.plugins)}"
            event = TrialFailed(number, attempt, reason, "memory" if out_of_memory else "training")
        if out_of_memory:  # only now: the traceback referenced the tensors
            self._evaluators = {}
            release_memory()
        self.pipe.send(event)

    def _train(self, spec: TrialSpec, folder: Path | None) -> TrialEvent:
        torch.set_num_threads(spec.run.training.threads)  # also for the forecast of a script
        if spec.run.trainer is not None:
            assert folder is not None, "a script runs in a folder of its study"
            threads = str(spec.run.training.threads)  # workers share the CPU cores
            variables = {name: threads for name in THREAD_VARIABLES if name not in os.environ}
            return ScriptTrial(spec, folder, self.pipe, self._end_requested, variables).run()
        started = time.perf_counter()
        number, attempt = spec.number, spec.attempt
        hardware = find_hardware(spec.run.training)
        try:
            data = self._load(spec, hardware)
        except (DataError, OSError) as error:
            return TrialFailed(number, attempt, str(error), "data")
        pilot = self._pilot(spec, data, hardware)
        if pilot is not None:
            spec = spec.with_length(pilot.epochs)
        trial = Trial(
            spec.run,
            data,
            hardware,
            self._evaluator(spec, data),
            judged_every_epoch=spec.judged_every_epoch,
            sharpening=SharpeningPlan.for_trial(spec),
            with_frontier=spec.is_baseline,
            micro_batches=spec.micro_batches,
        )
        checkpoints = TrialCheckpoints(folder, spec)
        try:
            seconds_before = checkpoints.restore(trial)
        except OSError as error:
            seconds_before = 0.0
            self._send_trouble(spec, f"no checkpoint can be written ({error.strerror or error})")
        self.pipe.send(TrialBegan(number, attempt, trial.trainer.epochs_done))
        for report in list(trial.reports):  # of earlier attempts, perhaps never received
            self.pipe.send(EpochDone(number, attempt, report))
        if trial.needs_weights:
            trial.start_from(kept_weights(folder, spec) or self._first_trained(spec, trial))
        interrupted = self._interruption(spec, trial)

        def write_checkpoint() -> None:
            try:
                checkpoints.write(trial, seconds_before + time.perf_counter() - started)
            except OSError as error:
                done = trial.trainer.epochs_done
                self._send_trouble(
                    spec, f"no checkpoint of epoch {done} ({error.strerror or error})"
                )

        for report in trial.epochs(interrupted, write_checkpoint, spec.until):
            self.pipe.send(EpochDone(number, attempt, report))
        if not trial.is_done:
            return RungReached(number, attempt)
        seconds = seconds_before + time.perf_counter() - started
        found = trial.found
        if found is not None:
            self._keep_found(checkpoints, trial, found, seconds)
        elif pilot is not None:
            found = replace(pilot, report=trial.reports[-1])
        previews = self._previews(trial, spec)
        done = self._done(spec, seconds_before + time.perf_counter() - started, hardware, previews)
        steps = trial.trainer.epochs_done * trial.trainer.steps_an_epoch
        return replace(done, steps=steps, found=found)

    def _pilot(self, spec: TrialSpec, data: ForecastData, hardware: Hardware) -> FoundLength | None:
        """Return the length that a schedule-free training with the same settings finds.

        It writes no checkpoint: an attempt that is lost meanwhile, or later, begins with it again
        and finds the same. None where the training finds its own length, or has a fixed one.
        """
        training = pilot_of(spec.run.training)
        if training is None:
            return None
        run = spec.run.model_copy(update={"training": training})
        trial = Trial(
            run,
            data,
            hardware,
            self._evaluator(spec, data),
            sharpening=SharpeningPlan(()),
            micro_batches=spec.micro_batches,
        )
        logger.info("trial %d: a schedule-free training finds its length first", spec.number)
        for _ in trial.epochs(self._interruption(spec, trial)):
            pass
        assert trial.found is not None, "its length is auto"
        return trial.found

    def _first_trained(self, spec: TrialSpec, trial: Trial) -> Weights:
        """Train the baseline that a trial goes on from, whose weights are not kept here.

        It writes no checkpoint: an attempt that is lost meanwhile begins with it again.
        """
        sentence = "the weights of the baseline are not kept here, so that is trained first"
        self._send_trouble(spec, sentence)
        first = baseline_training(
            *(spec.run, trial.evaluator.data, trial.hardware, trial.evaluator), spec.micro_batches
        )
        for _ in first.trainer.epochs(self._interruption(spec, first)):
            pass
        return weights_of(first)

    def _keep_found(
        self, checkpoints: TrialCheckpoints, trial: Trial, found: FoundLength, seconds: float
    ) -> None:
        """Write the checkpoint of the epoch where a training of length ``auto`` is kept."""
        try:
            checkpoints.write_found(trial, found, seconds)
        except OSError as error:
            self._send_trouble(
                checkpoints.spec, f"its best epoch is not kept ({error.strerror or error})"
            )

    def _interruption(self, spec: TrialSpec, trial: Trial) -> Callable[[], bool]:
        """Return what is asked before every step: it sends heartbeats, and ends on a message."""
        sent_at = time.perf_counter()

        def interrupted() -> bool:
            nonlocal sent_at
            if time.perf_counter() - sent_at >= HEARTBEAT_INTERVAL_S:
                sent_at = time.perf_counter()
                self.pipe.send(StepsDone(spec.number, spec.attempt, trial.trainer.steps_done))
            at_once = self._end_requested()
            # At once if cancelled, between epochs if paused.
            return bool(at_once) or (at_once is not None and trial.trainer.between_epochs)

        return interrupted

    def _previews(self, trial: Trial, spec: TrialSpec) -> dict[str, str]:
        """Return the previews of a trial's forecast by sharpener, base64-encoded."""
        if spec.judged_at_end:
            return {}  # confirmations have no pictures
        try:
            builder = self._preview_builder or PreviewBuilder(trial.evaluator.data, spec.judged_on)
            self._preview_builder = builder
            trial.fit_sharpeners()
            seed = spec.run.training.seed
            previews = builder.forecasts(
                trial.predictor, trial.sharpeners, seed=seed, members=spec.members
            )
            return {name: b64encode(one.to_bytes()).decode() for name, one in previews.items()}
        except Exception as error:
            logger.debug("trial %d has no preview", spec.number, exc_info=True)
            self._send_trouble(spec, f"no pictures of its forecast ({type(error).__name__})")
            return {}

    def _send_trouble(self, spec: TrialSpec, sentence: str) -> None:
        self.pipe.send(TrialTrouble(spec.number, spec.attempt, sentence))

    def _load(self, spec: TrialSpec, hardware: Hardware) -> ForecastData:
        settings = spec.run.data
        wanted = (settings, spec.measures, hardware.device)
        if self._data is None or self._data[:3] != wanted:
            files = DataFiles.of(settings.path)
            if not files.exist():
                raise DataError(f"the data file {files} is gone")
            if spec.data_sha256 not in (None, files.sha256()):
                raise DataError(f"the data file {files} is not the one the study was started on")
            store = None
            if self._shared is not None:
                shared = self._shared
                store = SeriesStore(
                    shared.folder,
                    lambda: spec.data_sha256 or files.sha256(),
                    shared.above_mb,
                    shared.floor_mb,
                )
            data = load_forecast_data(
                settings, hardware.device, measures=spec.measures, store=store
            )
            self._data = (*wanted, data)
            self._evaluators = {}
            self._preview_builder = None
        return self._data[3]

    def _evaluator(self, spec: TrialSpec, data: ForecastData) -> Evaluator:
        """Return the evaluator of a part, which caches fields derived from the truth."""
        part = spec.judged_on
        known = self._evaluators.get(part)
        if known is None or known.members != spec.members:
            self._evaluators[part] = Evaluator(data, data.part(part), spec.members)
        return self._evaluators[part]

    def _end_requested(self) -> bool | None:
        """Return True to end the trial at once, False to end it after the epoch, None to go on."""
        # Nothing else is received while a trial runs; a closed pipe raises and ends the worker.
        while self.pipe.poll():
            message = self.pipe.recv()
            if message == PAUSE:
                self._pause_requested = True
                continue
            self._quit_requested = message == QUIT
            return True
        return False if self._pause_requested else None

    def _done(
        self, spec: TrialSpec, seconds: float, hardware: Hardware, previews: dict[str, str]
    ) -> TrialDone:
        unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, else KiB
        is_restricted = hardware.device.type == "cuda" and self._gpu is not None
        return TrialDone(
            number=spec.number,
            attempt=spec.attempt,
            seconds=seconds,
            peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
            # A process that sees one GPU alone always calls it cuda:0.
            device=f"cuda:{self._gpu}" if is_restricted else str(hardware.device),
            precision=str(hardware.precision).removeprefix("torch."),
            sample=previews.pop(NO_SHARPENER, ""),
            sharpened_samples=previews,
        )


def _user_line(error: BaseException, plugins: Sequence[str]) -> str:
    """Return the line of user code that failed, "" if none did."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", "")).removeprefix("fieldsharp.")
        names = (listed.removeprefix("fieldsharp.") for listed in plugins)
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return f" (line {line} of {Path(frame.f_code.co_filename).name})"
    return ""
