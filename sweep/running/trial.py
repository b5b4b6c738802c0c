"""A trial: one training, verified after every epoch. Here model and objectives meet."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from fields.errors import TrainingFailed
from fields.windows import ForecastData, Windows
from model.device import Hardware
from model.losses.forecast_loss import ForecastLoss
from model.predictors.building import build_predictor
from model.predictors.shape import ForecastShape
from model.training import EpochLosses, Trainer
from objectives.case import Case
from objectives.verification import Verification
from sweep.configuration.settings import RunSettings

VERIFICATION_BATCH = 64
VERIFICATION_VALUES = 4_000_000
"""Values of one double-precision tensor (32 MB); several are held at a time."""


@dataclass(frozen=True)
class EpochReport:
    """How good the forecast is after an epoch.

    Attributes:
        epoch: From 0.
        losses: Mean training losses of the epoch.
        metrics: Every metric on the validation split, physical units.
        seconds: Wall time of the epoch with its verification.
    """

    epoch: int
    losses: EpochLosses
    metrics: dict[str, float]
    seconds: float


class Trial:
    """Trains a predictor on a data set; the same settings give the same numbers on one CPU."""

    def __init__(self, run: RunSettings, data: ForecastData, hardware: Hardware) -> None:
        self.data = data
        self.hardware = hardware
        torch.manual_seed(run.training.seed)
        self.predictor: nn.Module = build_predictor(run.predictor, forecast_shape(data, run))
        self.predictor.to(hardware.device)
        self.trainer = Trainer(
            self.predictor,
            ForecastLoss(run.loss),
            data.train,
            data.mask_HW,
            run.training,
            hardware,
        )

    def epochs(self, interrupted: Callable[[], bool] = lambda: False) -> Iterator[EpochReport]:
        """Train and verify, yielding after each epoch.

        Raises:
            TrainingFailed: If the training diverged, or its forecast is not finite.
            Interrupted: If ``interrupted`` said so.
        """
        started = time.perf_counter()
        for losses in self.trainer.epochs(interrupted):
            metrics = verify_predictor(self.predictor, self.data, self.data.validation)
            _require_finite(metrics, losses.epoch)
            now = time.perf_counter()
            yield EpochReport(losses.epoch, losses, metrics, seconds=now - started)
            started = now


def _require_finite(metrics: dict[str, float], epoch: int) -> None:
    """Check what no score can be made of, and what the last step of an epoch may have spoilt."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrainingFailed(
                f"the {name} of the forecast is {value:g} after epoch {epoch + 1}: the training "
                "diverged; lower training.learning_rate or loss.gradient_weight"
            )


def forecast_shape(data: ForecastData, run: RunSettings) -> ForecastShape:
    """Return what the predictor is to predict on this data."""
    _, channels, height, width = data.series.values_TCHW.shape
    return ForecastShape(run.data.history, run.data.horizon, channels, height, width)


def verify_predictor(
    predictor: Callable[[torch.Tensor], torch.Tensor], data: ForecastData, windows: Windows
) -> dict[str, float]:
    """Return every metric of a predictor on some windows, in physical units.

    Args:
        predictor: From history to future, both in units of the training range.
        data: What the windows are of.
        windows: Usually the validation part.
    """
    if isinstance(predictor, nn.Module):
        predictor.eval()
    verification = Verification()
    values_each = windows.frames_NCHW[0].numel() * windows.settings.horizon
    batch = max(1, min(VERIFICATION_BATCH, VERIFICATION_VALUES // values_each))
    with torch.no_grad():
        for history_BTCHW, future_BTCHW in windows.in_order(batch):
            target = _physical(future_BTCHW, data)
            verification.add(
                Case(
                    pred_BTCHW=_physical(predictor(history_BTCHW), data),
                    target_BTCHW=target,
                    persistence_BTCHW=_physical(history_BTCHW[:, -1:], data).expand_as(target),
                    mask_HW=data.mask_HW.to(target.device),
                )
            )
    return verification.overall()


def _physical(unit_BTCHW: torch.Tensor, data: ForecastData) -> torch.Tensor:
    # Apple GPUs have no double precision.
    on = unit_BTCHW.cpu() if unit_BTCHW.device.type == "mps" else unit_BTCHW
    return data.scaling.to_physical(on)
