"""A trial: one training, verified after every epoch. Here model and objectives meet."""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.windows import ForecastData
from fieldsharp.model.device import Hardware
from fieldsharp.model.losses.forecast_loss import ForecastLoss, term_scales
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.training import State, Trainer
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.trials.evaluator import Evaluator


class Trial:
    """Trains a predictor on a data set; the same settings give the same numbers on one CPU.

    Args:
        run: Every setting of the training.
        data: What is forecast.
        hardware: Where.
        judge: What verifies the forecast; by default one of the validation part.
        judged_every_epoch: Whether every epoch is verified, or the last one alone.
        micro_batches: Parts a batch is computed in.

    Attributes:
        reports: Of the epochs verified so far.
    """

    def __init__(
        self,
        run: RunSettings,
        data: ForecastData,
        hardware: Hardware,
        judge: Evaluator | None = None,
        *,
        judged_every_epoch: bool = True,
        micro_batches: int = 1,
    ) -> None:
        self.run = run
        self.reports: list[EpochReport] = []
        self.judge = judge or Evaluator(data, data.validation)
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
            micro_batches,
        )

    def state(self) -> State:
        """Return all that the epochs to come depend on."""
        return self.trainer.state()

    def restore(self, state: State, reports: list[EpochReport]) -> None:
        """Go on from a state, and from what was reported until then.

        Raises:
            TrainingFailed: If it is of another training.
        """
        self.trainer.restore(state)
        self.reports = reports

    def epochs(
        self,
        interrupted: Callable[[], bool] = lambda: False,
        after_each: Callable[[], None] = lambda: None,
        until: int | None = None,
    ) -> Iterator[EpochReport]:
        """Train and verify from where the trial stands, yielding after each epoch verified.

        Args:
            interrupted: Asked before every training step.
            after_each: Called after every epoch, verified or not, before it is yielded.
            until: Epochs in all after which to end; None for all there are.

        Raises:
            TrainingFailed: If the training diverged, or its forecast is not finite.
            Interrupted: If ``interrupted`` said so.
        """
        started = time.perf_counter()
        for losses in self.trainer.epochs(interrupted, until):
            is_last = losses.epoch == self.run.training.epochs - 1
            report = None
            if is_last or self.judged_every_epoch:
                judgement = self.judge.judge(self.predictor, detail=is_last)
                _require_finite(judgement.overall, losses.epoch)
                now = time.perf_counter()
                report = EpochReport(losses.epoch, losses, judgement, seconds=now - started)
                self.reports.append(report)
                started = now
            after_each()
            if report is not None:
                yield report


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
