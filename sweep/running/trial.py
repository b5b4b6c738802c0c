"""A trial: one training, verified after every epoch. Here model and objectives meet."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from fields.errors import TrainingFailed
from fields.windows import ForecastData
from model.device import Hardware
from model.losses.forecast_loss import ForecastLoss
from model.losses.normalisation import term_scales
from model.predictors.building import build_predictor
from model.predictors.shape import ForecastShape
from model.training import EpochLosses, Trainer
from objectives.judgement import Judgement
from sweep.configuration.settings import RunSettings
from sweep.running.judging import Judge


@dataclass(frozen=True)
class EpochReport:
    """How good the forecast is after an epoch.

    Attributes:
        epoch: From 0.
        losses: Mean training losses of the epoch.
        judgement: Every metric, physical units; those of detail after the last epoch alone.
        seconds: Wall time since the report before, or since the start.
    """

    epoch: int
    losses: EpochLosses
    judgement: Judgement
    seconds: float

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric over all samples and leads."""
        return self.judgement.overall


class Trial:
    """Trains a predictor on a data set; the same settings give the same numbers on one CPU.

    Args:
        run: Every setting of the training.
        data: What is forecast.
        hardware: Where.
        judge: What verifies the forecast; by default one of the validation part.
        judged_every_epoch: Whether every epoch is verified, or the last one alone.
    """

    def __init__(
        self,
        run: RunSettings,
        data: ForecastData,
        hardware: Hardware,
        judge: Judge | None = None,
        *,
        judged_every_epoch: bool = True,
    ) -> None:
        self.run = run
        self.judge = judge or Judge(data, data.validation)
        self.judged_every_epoch = judged_every_epoch
        self.hardware = hardware
        torch.manual_seed(run.training.seed)
        self.predictor: nn.Module = build_predictor(run.predictor, forecast_shape(data, run))
        self.predictor.to(hardware.device)
        climatology_CHW = data.unit_climatology_CHW
        scales = term_scales(run.loss, data.train, data.mask_HW, climatology_CHW)
        self.trainer = Trainer(
            self.predictor,
            ForecastLoss(run.loss, climatology_CHW, scales),
            data.train,
            data.mask_HW,
            run.training,
            hardware,
        )

    def epochs(self, interrupted: Callable[[], bool] = lambda: False) -> Iterator[EpochReport]:
        """Train and verify, yielding after each epoch that is verified.

        Raises:
            TrainingFailed: If the training diverged, or its forecast is not finite.
            Interrupted: If ``interrupted`` said so.
        """
        started = time.perf_counter()
        for losses in self.trainer.epochs(interrupted):
            is_last = losses.epoch == self.run.training.epochs - 1
            if not (is_last or self.judged_every_epoch):
                continue
            judgement = self.judge.judge(self.predictor, detail=is_last)
            _require_finite(judgement.overall, losses.epoch)
            now = time.perf_counter()
            yield EpochReport(losses.epoch, losses, judgement, seconds=now - started)
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
