"""A predictor that records every epoch begun, independently of the code under test.

It is the default U-Net, and appends a line to the file named by ``TORTURE_WITNESS`` at the first
step of an epoch. The trial is identified by ``mark``, a searched parameter without effect; the
epoch by a buffer that is stored with the weights in checkpoints.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.unet import UNet

VARIABLE = "TORTURE_WITNESS"
NAME = "tests.chaos.recording_predictor:RecordingUNet"


class RecordingUNet(UNet):
    """The default predictor, recording its epochs."""

    epochs_begun: torch.Tensor

    def __init__(self, shape: ForecastShape, width: int = 4, mark: float = 0.0) -> None:
        super().__init__(shape, width)
        self.mark = mark
        self.register_buffer("epochs_begun", torch.zeros((), dtype=torch.int64))
        self._fresh = False

    def train(self, mode: bool = True) -> "RecordingUNet":
        self._fresh = mode
        super().train(mode)
        return self

    def forward(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        if self.training and self._fresh:
            # Not earlier: a trial may be paused before the first step.
            self._fresh = False
            self.epochs_begun += 1
            self._record()
        return super().forward(history_BTCHW)

    def _record(self) -> None:
        path = os.environ.get(VARIABLE)
        if path is None:
            return  # trained undisturbed for comparison
        line = f"{self.mark!r} {int(self.epochs_begun)} {os.getpid()} {time.time()!r}\n"
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, line.encode())  # one write: complete even if the process is killed
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class Begun:
    """An epoch that was begun.

    Attributes:
        mark: Of its trial.
        epoch: From 1.
        pid: Of the worker.
        at: Seconds since 1970.
    """

    mark: float
    epoch: int
    pid: int
    at: float


def epochs_begun(path: Path) -> list[Begun]:
    """Return all epochs begun, in order."""
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [Begun(float(mark), int(epoch), int(pid), float(at)) for mark, epoch, pid, at in lines]
