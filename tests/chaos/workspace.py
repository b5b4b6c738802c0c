"""Files of a sweep under test: data, configuration, and a small disk for the database."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from data.plume_settings import PlumeSettings
from data.plumes import simulate
from fieldsharp.sweep.configuration.settings import SweepConfig
from tests.chaos import recording_predictor

STUDY = "torture"
DISK_MB = 96
WITHOUT_MOUNTS = "TORTURE_WITHOUT_MOUNTS"
SWEEP = """\
study: {study}
data: {{path: {data}, history: 2, horizon: 2, train_every: 1, score_every: 2}}
predictor: {{name: "{predictor}", width: 4}}
training:
  {{epochs: {epochs}, batch_size: 8, learning_rate: 3e-3, device: cpu, precision: float32}}
search:
  presets: baseline
  sampler: random
  seed: {seed}
  space:
    gradient_weight: {{low: 0.01, high: 10.0, log: true}}
    loss_variant: {{choices: [gradient, sobel, laplacian]}}
    learning_rate: {{low: 1e-4, high: 3e-3, log: true}}
    predictor.options.mark: {{low: 0.0, high: 1.0}}
budget: {{trials: {trials}, stop_on_nothing_to_fix: false}}
workers: {{count: 2}}
recovery:
  attempts: 1000  # in a row; under kills this frequent three are soon together
  progress_deadline: {deadline_s:g}s
  free_space_mb: 0  # a full disk is to hit
  keep_best: 3
"""
PLUGINS = f"plugins: [{recording_predictor.NAME.partition(':')[0]}]\n"


@dataclass(frozen=True)
class Workspace:
    """The files of one sweep under test.

    Attributes:
        folder: Data, configuration and output, not on the small disk.
        disk: Folder of the database.
        epochs: Epochs of a trial.
        deadline_s: Progress deadline of a worker.
        disk_is_small: Whether the folder of the database is a disk that can be filled up.
    """

    folder: Path
    disk: Path
    epochs: int
    deadline_s: float
    disk_is_small: bool

    @property
    def database(self) -> Path:
        return self.disk / "x.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.database}"

    @property
    def files(self) -> Path:
        return self.disk / "x.db.files"

    @property
    def config(self) -> Path:
        return self.folder / "sweep.yaml"

    @property
    def record(self) -> Path:
        return self.folder / "witness.txt"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"

    def release(self) -> None:
        """Unmount the small disk with all files on it."""
        if self.disk_is_small:
            subprocess.run(["umount", "-l", str(self.disk)], capture_output=True)


def make_workspace(
    folder: Path, *, seed: int, trials: int, epochs: int, deadline_s: float
) -> Workspace:
    """Make the folder of a sweep, with data, configuration and, where that works, a small disk."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    is_small = WITHOUT_MOUNTS not in os.environ and _mount(disk)
    data = folder / "plumes.nc"
    simulate(PlumeSettings(frames=150, size=24, seed=1)).to_netcdf(data, engine="h5netcdf")
    workspace = Workspace(folder, disk, epochs, deadline_s, is_small)
    text = SWEEP.format(
        study=STUDY,
        data=data,
        predictor=recording_predictor.NAME,
        epochs=epochs,
        seed=seed,
        trials=trials,
        deadline_s=deadline_s,
    )
    allow_list = PLUGINS if "plugins" in SweepConfig.model_fields else ""
    workspace.config.write_text(text + allow_list, encoding="utf-8")
    return workspace


def enter_private_mounts() -> None:
    """Re-execute in a private mount namespace, whose mounts end with the process."""
    if WITHOUT_MOUNTS in os.environ or os.environ.get("TORTURE_MOUNTS"):
        return
    unshare = shutil.which("unshare")
    flags = "-m" if os.geteuid() == 0 else "-Urm"
    if unshare is None or subprocess.run([unshare, flags, "true"], capture_output=True).returncode:
        os.environ[WITHOUT_MOUNTS] = "1"
        return
    os.environ["TORTURE_MOUNTS"] = "1"
    arguments = [sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
    os.execv(unshare, [unshare, flags, *arguments])  # noqa: S606 - no shell is wanted


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "none", str(folder)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
