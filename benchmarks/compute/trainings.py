"""A cache of deterministic trainings: each is run once and replayed epoch by epoch."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.checkpoint import Checkpoint, decode, encode
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.epoch_report import EpochReport, reports_as_text, reports_from_text
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.checkpointing import TrialCheckpoints
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial

TRAINED_BY = ("core", "fields", "model", "objectives", "sweep/trials")


@dataclass
class _Known:
    """Cached reports of a training.

    Attributes:
        reports: Of its epochs so far.
        failure: Why the epoch after those failed; "" where none did.
    """

    reports: list[EpochReport] = field(default_factory=list)
    failure: str = ""


class Trainings:
    """Trainings on one data set, each run once by all processes that share a folder.

    Two processes that train the same at the same time both do the work and come to the same.

    Args:
        run: Settings with the data set, the device and the threads.
        folder: Folder of the cache, created if missing; None caches nothing.
    """

    def __init__(self, run: RunSettings, folder: Path | None) -> None:
        torch.set_num_threads(run.training.threads)
        self.data = load_forecast_data(run.data)
        self.hardware = find_hardware(run.training)
        self.folder = folder
        self._judge = Evaluator(self.data, self.data.validation)
        self._data_sha256 = DataFiles.of(run.data.path).sha256()
        self._code = _code_sha256()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def windows(self) -> int:
        """Training windows of an epoch."""
        return len(self.data.train)

    def begin(self, run: RunSettings) -> "Training":
        """Return a training before its first epoch."""
        return Training(self, run, self._fingerprint(run))

    def new_trial(self, run: RunSettings) -> Trial:
        """Return an untrained trial."""
        return Trial(run, self.data, self.hardware, self._judge)

    def known(self, fingerprint: str) -> _Known:
        """Read the cached reports of a training."""
        path = self._path(fingerprint, "json")
        if path is None or not path.exists():
            return _Known()
        kept = json.loads(path.read_text(encoding="utf-8"))
        return _Known(reports_from_text(kept["reports"]), kept["failure"])

    def keep(self, fingerprint: str, known: _Known, state: bytes | None) -> None:
        """Cache the reports of a training, unless more are cached already.

        Args:
            fingerprint: Of the training.
            known: Its reports, or how it failed.
            state: What its next epoch depends on; None where there is none.
        """
        if self.folder is None or len(self.known(fingerprint).reports) > len(known.reports):
            return
        kept = {"reports": reports_as_text(known.reports), "failure": known.failure}
        if state is not None:
            self._write(fingerprint, "state", state)
        self._write(fingerprint, "json", json.dumps(kept).encode())
        path = self._path(fingerprint, "state")
        if state is None and path is not None:
            path.unlink(missing_ok=True)  # nothing is left to be trained

    def state(self, fingerprint: str) -> Checkpoint | None:
        """Return the last cached state of a training, None if there is none."""
        path = self._path(fingerprint, "state")
        return decode(path.read_bytes()) if path is not None and path.exists() else None

    def _path(self, fingerprint: str, ending: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{fingerprint}.{ending}"

    def _write(self, fingerprint: str, ending: str, content: bytes) -> None:
        path = self._path(fingerprint, ending)
        assert path is not None, "there is a folder"
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(path)

    def _fingerprint(self, run: RunSettings) -> str:
        """Return the cache key: equal for trainings with equal results."""
        spec = TrialSpec(number=0, run=run, data_sha256=self._data_sha256)
        return hashlib.sha256(f"{spec.fingerprint} {self._code}".encode()).hexdigest()


class Training:
    """One training, at some epoch.

    Attributes:
        run: Its settings.
        reports: Of the epochs up to where it stands.
    """

    def __init__(self, trainings: Trainings, run: RunSettings, fingerprint: str) -> None:
        self.run = run
        self.reports: list[EpochReport] = []
        self._trainings = trainings
        self._fingerprint = fingerprint
        self._known = trainings.known(fingerprint)
        self._trial: Trial | None = None
        self._epochs: Iterator[EpochReport] = iter(())

    @property
    def is_done(self) -> bool:
        """Whether its last epoch is done."""
        return len(self.reports) == self.run.training.epochs

    def next_epoch(self) -> EpochReport:
        """Return the next epoch's report, trained now or cached.

        Raises:
            TrainingFailed: If that epoch was trained and came to nothing.
        """
        done = len(self.reports)
        if done == len(self._known.reports) and not self._known.failure:
            self._train(done)
        if done == len(self._known.reports):
            raise TrainingFailed(self._known.failure)
        self.reports.append(self._known.reports[done])
        return self.reports[-1]

    def take_up(self, checkpoints: TrialCheckpoints) -> None:
        """Continue from the newest checkpoint of earlier attempts, if there is one."""
        trial = self._trainings.new_trial(self.run)
        checkpoints.restore(trial)
        self._stand_at(trial)
        self.reports = list(trial.reports)
        if len(self._known.reports) < len(self.reports):
            self._known = _Known(list(self.reports))

    def trial(self) -> Trial:
        """Return a trial at the same epoch, trained again up to there if necessary."""
        done = len(self.reports)
        if self._trial is None or self._trial.trainer.epochs_done > done:
            self._stand_at(self._restored(done))
        assert self._trial is not None, "it was just made"
        while self._trial.trainer.epochs_done < done:
            next(self._epochs)
        return self._trial

    def _train(self, done: int) -> None:
        """Train the next epoch and cache its report."""
        trial = self.trial()
        state = None
        try:
            self._known.reports.append(next(self._epochs))
        except TrainingFailed as error:
            self._known.failure = str(error)
        else:
            if done + 1 < self.run.training.epochs:
                state = encode(Checkpoint(self._fingerprint, trial.state(), "", 0.0))
        self._trainings.keep(self._fingerprint, self._known, state)

    def _restored(self, done: int) -> Trial:
        """Return a trial at the last cached state, unless that is beyond those epochs."""
        trial = self._trainings.new_trial(self.run)
        kept = self._trainings.state(self._fingerprint) if done else None
        if kept is not None and int(kept.trainer["epochs_done"]) <= done:
            reports = self._known.reports[: int(kept.trainer["epochs_done"])]
            trial.restore(kept.trainer, list(reports))
        return trial

    def _stand_at(self, trial: Trial) -> None:
        self._trial = trial
        self._epochs = trial.epochs()


def _code_sha256() -> str:
    """Return a hash of all that affects a training: torch, the CPU type, and our code."""
    digest = hashlib.sha256(
        f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()}".encode()
    )
    for place in TRAINED_BY:
        path = PROJECT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()
