"""A worker process: takes one trial after another, trains it and sends back what it finds.

It is kept alive between trials, since loading torch and the data takes longer than a short trial,
and it holds no database: everything goes through its pipe to the coordinator.
"""

import logging
import resource
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from fields.errors import DataError, FieldsharpError
from fields.settings import DataSettings
from fields.windows import ForecastData, load_forecast_data
from model.device import Hardware, find_hardware
from model.training import Interrupted
from sweep.running.executor import EpochDone, TrialCancelled, TrialDone, TrialFailed
from sweep.running.judging import Judge
from sweep.running.trial import Trial
from sweep.study.provenance import file_sha256
from sweep.study.trial_spec import Part, TrialSpec

logger = logging.getLogger(__name__)

READY = "ready"
CANCEL = "cancel"
QUIT = "quit"


class Worker:
    """Runs trials in one slot, keeping the last data set and what judges forecasts of it."""

    def __init__(self, pipe: Connection, slot: int) -> None:
        self.pipe = pipe
        self.slot = slot
        self._data: tuple[DataSettings, torch.device, ForecastData] | None = None
        self._judges: dict[Part, Judge] = {}  # of that data
        self._told_to_quit = False

    def serve(self) -> None:
        """Take trials until told to quit or the coordinator is gone."""
        self.pipe.send(READY)
        while not self._told_to_quit:
            try:
                message = self.pipe.recv()
                if message == QUIT:
                    return
                if message != CANCEL:  # a cancel that came too late for its trial
                    self._run(TrialSpec.model_validate_json(message))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return  # nobody is there to train for

    def _run(self, spec: TrialSpec) -> None:
        started = time.perf_counter()
        number, attempt = spec.number, spec.attempt
        try:
            torch.set_num_threads(spec.run.training.threads)
            hardware = find_hardware(spec.run.training, self.slot)
            data = self._load(spec, hardware)
            trial = Trial(
                spec.run,
                data,
                hardware,
                self._judge(spec.judged_on, data),
                judged_every_epoch=spec.judged_every_epoch,
            )
            for report in trial.epochs(self._cancelled):
                self.pipe.send(EpochDone(number, attempt, report))
        except Interrupted:
            self.pipe.send(TrialCancelled(number, attempt))
        except FieldsharpError as error:
            self.pipe.send(TrialFailed(number, attempt, str(error)))
        except (Exception, SystemExit) as error:
            # A predictor of the user's may raise anything. Where it was the pipe, because the
            # coordinator is gone, sending raises again and ends the worker.
            logger.debug("trial %d failed", number, exc_info=True)
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
            self.pipe.send(TrialFailed(number, attempt, reason))
        else:
            seconds = time.perf_counter() - started
            self.pipe.send(_done(spec, seconds, hardware))

    def _load(self, spec: TrialSpec, hardware: Hardware) -> ForecastData:
        settings = spec.run.data
        if self._data is None or self._data[:2] != (settings, hardware.device):
            if spec.data_sha256 not in (None, file_sha256(Path(settings.path))):
                raise DataError(
                    f"the data file {settings.path} was changed while the sweep ran; put the old "
                    "one back, or start another study"
                )
            self._data = (settings, hardware.device, load_forecast_data(settings, hardware.device))
            self._judges = {}
        return self._data[2]

    def _judge(self, part: Part, data: ForecastData) -> Judge:
        """Return the judge of a part, kept with what it has derived from the truth."""
        if part not in self._judges:
            self._judges[part] = Judge(data, data.part(part))
        return self._judges[part]

    def _cancelled(self) -> bool:
        # Nothing else is sent while a trial runs; a closed pipe raises and ends the worker.
        if not self.pipe.poll():
            return False
        self._told_to_quit = self.pipe.recv() == QUIT
        return True


def serve(pipe: Connection, slot: int) -> None:
    """Entry of the worker process."""
    # Ctrl-C reaches the whole process group: the coordinator decides what becomes of the trials.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(pipe, slot).serve()


def _done(spec: TrialSpec, seconds: float, hardware: Hardware) -> TrialDone:
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes there, KiB elsewhere
    return TrialDone(
        number=spec.number,
        attempt=spec.attempt,
        seconds=seconds,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        device=str(hardware.device),
        precision=str(hardware.precision).removeprefix("torch."),
    )
