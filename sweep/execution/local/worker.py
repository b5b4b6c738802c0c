"""A worker process: takes one trial after another, trains it and sends back what it finds.

It is kept alive between trials, since loading torch and the data takes longer than a short trial,
and it holds no database: everything goes through its pipe to the coordinator.
"""

import logging
import os
import resource
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from fieldsharp.core.errors import DataError, FieldsharpError
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.windows import ForecastData, load_forecast_data
from fieldsharp.model.device import Hardware, find_hardware, is_out_of_memory, release_memory
from fieldsharp.model.training import Interrupted
from fieldsharp.sweep.execution.messages import CANCEL, PAUSE, QUIT, READY, Assignment
from fieldsharp.sweep.execution.script.trial import ScriptTrial
from fieldsharp.sweep.study.provenance import file_sha256
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    RungReached,
    StepsDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
    TrialTrouble,
)
from fieldsharp.sweep.study.trial_spec import Part, TrialSpec
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.trial import Trial

logger = logging.getLogger(__name__)

SIGN_EVERY_S = 1.0
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """Runs one trial after another, keeping the last data set and what judges forecasts of it.

    Args:
        pipe: To the coordinator.
        card: The only graphics card this process sees; None where nothing was chosen.
    """

    def __init__(self, pipe: Connection, card: str | None = None) -> None:
        self.pipe = pipe
        self._card = card
        self._data: tuple[DataSettings, torch.device, ForecastData] | None = None
        self._judges: dict[Part, Evaluator] = {}  # of that data
        self._sampler: PreviewBuilder | None = None  # of that data
        self._told_to_quit = False
        self._told_to_pause = False

    def serve(self) -> None:
        """Take trials until told to quit or the coordinator is gone."""
        self.pipe.send(READY)
        while not self._told_to_quit:
            try:
                message = self.pipe.recv()
                if message == QUIT:
                    return
                if message not in (CANCEL, PAUSE):  # those came too late for their trial
                    self._run(Assignment.model_validate_json(message))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return  # nobody is there to train for

    def _run(self, assignment: Assignment) -> None:
        spec = assignment.spec
        number, attempt = spec.number, spec.attempt
        self._told_to_pause = False
        out_of_memory = False
        event: TrialEvent
        try:
            event = self._train(spec, assignment.checkpoints)
        except Interrupted:
            event = TrialCancelled(number, attempt)
        except FieldsharpError as error:
            event = TrialFailed(number, attempt, str(error))
        except (Exception, SystemExit) as error:
            # A predictor of the user's may raise anything. Where it was the pipe, because the
            # coordinator is gone, sending raises again and ends the worker.
            logger.debug("trial %d failed", number, exc_info=True)
            out_of_memory = is_out_of_memory(error)
            words = " ".join(str(error).split())[:500]
            reason = f"{type(error).__name__}: {words}{_where(error, spec.run.plugins)}"
            event = TrialFailed(number, attempt, reason, "memory" if out_of_memory else "training")
        if out_of_memory:  # only now: the error itself held on to what was being computed
            self._judges = {}
            release_memory()
        self.pipe.send(event)

    def _train(self, spec: TrialSpec, folder: Path | None) -> TrialEvent:
        if spec.run.trainer is not None:
            assert folder is not None, "the trial of a script stands in the folder of its study"
            told, own = self._told_to_end, self._threads(spec)
            return ScriptTrial(spec, folder, self.pipe, told, own).run()
        started = time.perf_counter()
        number, attempt = spec.number, spec.attempt
        torch.set_num_threads(spec.run.training.threads)
        hardware = find_hardware(spec.run.training)
        try:
            data = self._load(spec, hardware)
        except (DataError, OSError) as error:
            return TrialFailed(number, attempt, str(error), "data")
        trial = Trial(
            spec.run,
            data,
            hardware,
            self._judge(spec.judged_on, data),
            judged_every_epoch=spec.judged_every_epoch,
            micro_batches=spec.micro_batches,
        )
        kept = TrialCheckpoints(folder, spec)
        try:
            seconds_before = kept.take_up(trial)
        except OSError as error:
            seconds_before = 0.0
            self._say_trouble(spec, f"no checkpoint can be kept ({error.strerror or error})")
        self.pipe.send(TrialBegan(number, attempt, trial.trainer.epochs_done))
        for report in list(trial.reports):  # of earlier attempts: nobody may have heard of them
            self.pipe.send(EpochDone(number, attempt, report))
        said = time.perf_counter()

        def keep() -> None:
            try:
                kept.write(trial, seconds_before + time.perf_counter() - started)
            except OSError as error:
                done = trial.trainer.epochs_done
                self._say_trouble(
                    spec, f"no checkpoint of epoch {done} ({error.strerror or error})"
                )

        def interrupted() -> bool:
            nonlocal said
            if time.perf_counter() - said >= SIGN_EVERY_S:
                said = time.perf_counter()
                self.pipe.send(StepsDone(number, attempt, trial.trainer.steps_done))
            return self._interrupted(trial)

        for report in trial.epochs(interrupted, keep, spec.until):
            self.pipe.send(EpochDone(number, attempt, report))
            said = time.perf_counter()
        if trial.trainer.epochs_done < spec.run.training.epochs:
            return RungReached(number, attempt)
        sample = self._sample(trial, spec)
        return self._done(spec, seconds_before + time.perf_counter() - started, hardware, sample)

    def _sample(self, trial: Trial, spec: TrialSpec) -> str:
        """Return what pictures of a trial's forecast are drawn from, as text."""
        if spec.judged_on != "validation":
            return ""  # of a confirmation nobody looks at single forecasts
        try:
            sampler = self._sampler or PreviewBuilder(trial.judge.data, spec.judged_on)
            self._sampler = sampler
            return b64encode(sampler.sample(trial.predictor).to_bytes()).decode()
        except Exception as error:
            logger.debug("trial %d has no sample", spec.number, exc_info=True)
            self._say_trouble(spec, f"no pictures of its forecast ({type(error).__name__})")
            return ""

    def _say_trouble(self, spec: TrialSpec, sentence: str) -> None:
        self.pipe.send(TrialTrouble(spec.number, spec.attempt, sentence))

    def _load(self, spec: TrialSpec, hardware: Hardware) -> ForecastData:
        settings = spec.run.data
        if self._data is None or self._data[:2] != (settings, hardware.device):
            path = Path(settings.path)
            if not path.exists():
                raise DataError(f"the data file {path} is gone")
            if spec.data_sha256 not in (None, file_sha256(path)):
                raise DataError(f"the data file {path} is not the one the study was started on")
            self._data = (settings, hardware.device, load_forecast_data(settings, hardware.device))
            self._judges = {}
            self._sampler = None
        return self._data[2]

    def _judge(self, part: Part, data: ForecastData) -> Evaluator:
        """Return the judge of a part, kept with what it has derived from the truth."""
        if part not in self._judges:
            self._judges[part] = Evaluator(data, data.part(part))
        return self._judges[part]

    def _interrupted(self, trial: Trial) -> bool:
        """Return whether the trial ends now: at once where cancelled, else after a whole epoch."""
        at_once = self._told_to_end()
        return bool(at_once) or (at_once is not None and trial.trainer.between_epochs)

    def _told_to_end(self) -> bool | None:
        """Return whether the trial is to end at once, or after its epoch; None to go on."""
        # Nothing else is sent while a trial runs; a closed pipe raises and ends the worker.
        while self.pipe.poll():
            message = self.pipe.recv()
            if message == PAUSE:
                self._told_to_pause = True
                continue
            self._told_to_quit = message == QUIT
            return True
        return False if self._told_to_pause else None

    def _threads(self, spec: TrialSpec) -> dict[str, str]:
        """Return the variables that keep the scripts of several workers out of each other's way."""
        threads = str(spec.run.training.threads)
        return {name: threads for name in THREADS if name not in os.environ}

    def _done(self, spec: TrialSpec, seconds: float, hardware: Hardware, sample: str) -> TrialDone:
        unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes there, KiB elsewhere
        alone = hardware.device.type == "cuda" and self._card is not None
        return TrialDone(
            number=spec.number,
            attempt=spec.attempt,
            seconds=seconds,
            peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
            # Where it sees one card alone that is always cuda:0.
            device=f"cuda:{self._card}" if alone else str(hardware.device),
            precision=str(hardware.precision).removeprefix("torch."),
            sample=sample,
        )


def _where(error: BaseException, plugins: Sequence[str]) -> str:
    """Return the line of the user's own code that failed, "" where it was none of theirs."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if any(module == listed or module.startswith(f"{listed}.") for listed in plugins):
            return f" (line {line} of {Path(frame.f_code.co_filename).name})"
    return ""
