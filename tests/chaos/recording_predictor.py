"""A predictor that tells the world which epochs were begun: the truth no program can gloss over.

It is the default U-Net, and appends a line to the file named by ``TORTURE_WITNESS`` as the first
step of an epoch is taken. Which trial it is of it knows by ``mark``, a parameter that is searched
and does nothing; which epoch, by a buffer that travels with the weights through checkpoints.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.unet import UNet

VARIABLE = "TORTURE_WITNESS"
NAME = "tests.chaos.recording_predictor:WitnessedUNet"


class WitnessedUNet(UNet):
    """The default predictor, watched."""

    epochs_begun: torch.Tensor

    def __init__(self, shape: ForecastShape, width: int = 4, mark: float = 0.0) -> None:
        super().__init__(shape, width)
        self.mark = mark
        self.register_buffer("epochs_begun", torch.zeros((), dtype=torch.int64))
        self._fresh = False

    def train(self, mode: bool = True) -> "WitnessedUNet":
        self._fresh = mode
        super().train(mode)
        return self

    def forward(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        if self.training and self._fresh:
            # Only now: a trial that is paused is told so before the first step.
            self._fresh = False
            self.epochs_begun += 1
            self._tell()
        return super().forward(history_BTCHW)

    def _tell(self) -> None:
        path = os.environ.get(VARIABLE)
        if path is None:
            return  # trained again to compare
        line = f"{self.mark!r} {int(self.epochs_begun)} {os.getpid()} {time.time()!r}\n"
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, line.encode())  # in one piece, whoever is killed
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
    """Return every epoch that was begun, in the order they were."""
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [Begun(float(mark), int(epoch), int(pid), float(at)) for mark, epoch, pid, at in lines]
