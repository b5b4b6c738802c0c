"""The training loop: a generator of epochs that can be left after any of them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from fields.errors import TrainingFailed
from fields.windows import Windows
from model.device import Hardware
from model.losses.forecast_loss import ForecastLoss
from model.predictors.shape import MemberForecasting, TeacherForced
from model.schedule import forcing_probability, rate_factor
from model.settings import TrainingSettings

Tensor = torch.Tensor


@dataclass(frozen=True)
class EpochLosses:
    """Mean training losses of one epoch, in units of the scaled field.

    Attributes:
        epoch: From 0.
        total: Base loss plus weighted terms.
        base: Base loss alone.
        term: Gradient term before its weight (0 where it is not computed).
        peak: Peak term before its weight (0 where it is not computed).
    """

    epoch: int
    total: float
    base: float
    term: float
    peak: float


class Interrupted(Exception):
    """The caller asked the training to stop between two steps."""


class Trainer:
    """Trains one predictor on the windows of the training part."""

    def __init__(
        self,
        predictor: nn.Module,
        loss: ForecastLoss,
        windows: Windows,
        mask_HW: Tensor,
        settings: TrainingSettings,
        hardware: Hardware,
    ) -> None:
        self.predictor = predictor
        self.loss = loss
        self.windows = windows
        self.mask_HW = mask_HW
        self.settings = settings
        self.hardware = hardware
        self.steps_an_epoch = math.ceil(len(windows) / settings.batch_size)
        self.total_steps = self.steps_an_epoch * settings.epochs
        self.optimizer = torch.optim.AdamW(
            predictor.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=hardware.device.type in ("cpu", "cuda"),
        )
        # On the CPU, so that the order of windows is the same whatever the device.
        self.shuffling = torch.Generator().manual_seed(settings.seed)

    def epochs(self, interrupted: Callable[[], bool] = lambda: False) -> Iterator[EpochLosses]:
        """Train, yielding after each epoch.

        Args:
            interrupted: Asked before every step.

        Raises:
            Interrupted: If ``interrupted`` said so.
            TrainingFailed: If the loss is no longer finite.
        """
        for epoch in range(self.settings.epochs):
            self.predictor.train()
            order = torch.randperm(len(self.windows), generator=self.shuffling)
            order = order.to(self.hardware.device)
            losses: list[Tensor] = []
            batches = torch.split(order, self.settings.batch_size)
            for index, which in enumerate(batches):
                if interrupted():
                    raise Interrupted
                losses.append(self._step(epoch * self.steps_an_epoch + index, which) * len(which))
            # Fetched once an epoch; added on the CPU, as Apple GPUs have no float64.
            sums = torch.stack(losses).cpu().double().sum(dim=0)
            total, base, term, peak = (sums / len(self.windows)).tolist()
            if not math.isfinite(total):
                raise TrainingFailed(
                    f"the training loss is {total} in epoch {epoch + 1}: the training diverged; "
                    "lower training.learning_rate or loss.gradient_weight"
                )
            yield EpochLosses(epoch=epoch, total=total, base=base, term=term, peak=peak)

    def _step(self, step: int, which: Tensor) -> Tensor:
        settings = self.settings
        factor = rate_factor(
            step, self.total_steps, settings.warmup_fraction, settings.final_rate_fraction
        )
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * factor
        history_BTCHW, future_BTCHW = self.windows.take(which)
        with torch.autocast(
            self.hardware.device.type, self.hardware.precision, enabled=self.hardware.autocast
        ):
            pred_BTCHW = self._forecast(history_BTCHW, future_BTCHW, step)
        progress = step / max(1, self.total_steps - 1)
        parts = self.loss(pred_BTCHW.float(), future_BTCHW, self.mask_HW, progress)
        loss = parts.total_B.mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip_norm > 0:
            nn.utils.clip_grad_norm_(self.predictor.parameters(), settings.clip_norm)
        self.optimizer.step()
        return torch.stack([p.detach().mean() for p in parts])

    def _forecast(self, history_BTCHW: Tensor, future_BTCHW: Tensor, step: int) -> Tensor:
        probability = forcing_probability(
            step, self.total_steps, self.settings.teacher_forcing_fraction
        )
        if probability > 0 and isinstance(self.predictor, TeacherForced):
            draws = torch.rand(future_BTCHW.shape[:2], generator=self.shuffling)
            forced_BT = (draws < probability).to(self.hardware.device)
            return self.predictor.forecast_forced(history_BTCHW, future_BTCHW, forced_BT)
        if isinstance(self.predictor, MemberForecasting):
            return self.predictor.forecast_members(history_BTCHW)
        forecast: Tensor = self.predictor(history_BTCHW)
        return forecast
