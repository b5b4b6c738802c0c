"""The training loop: a generator of epochs that can be stopped and resumed after any of them."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.device_copies import send
from fieldsharp.fields.valid_cells import index_masks
from fieldsharp.fields.windows import Pair, Windows
from fieldsharp.model.device import Hardware
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.model.losses.forecast_loss import ForecastLoss
from fieldsharp.model.losses.several_variables import MeanOfVariables
from fieldsharp.model.optimizer import Optimizer
from fieldsharp.model.predictors.interface import MemberForecasting, TeacherForced
from fieldsharp.model.schedule import forcing_probability, rate_factor
from fieldsharp.model.settings import TrainingSettings

Tensor = torch.Tensor
State = dict[str, Any]
"""Tensors, numbers and text in dictionaries and lists, as a checkpoint stores them."""


class Interrupted(Exception):
    """The caller asked the training to stop between two steps."""


class Trainer:
    """Trains one predictor on the windows of the training part.

    Args:
        loss: Of the forecast.
        mask: Cells that count [H, W], or under ``MeanOfVariables`` those of each [C, H, W].
        micro_batches: Parts a batch is computed in, one after the other, their gradients added up:
            the same step in less memory.
    """

    def __init__(
        self,
        predictor: nn.Module,
        loss: ForecastLoss | MeanOfVariables,
        windows: Windows,
        mask: Tensor,
        settings: TrainingSettings,
        hardware: Hardware,
        micro_batches: int = 1,
    ) -> None:
        self.predictor = predictor
        self.loss = loss
        self.windows = windows
        self.mask = mask
        index_masks(mask)
        self.settings = settings
        self.hardware = hardware
        self.micro_batches = micro_batches
        self.epochs_done = 0
        self.steps_done = 0
        self.windows_an_epoch = settings.epoch_windows or len(windows)
        self.steps_an_epoch = math.ceil(self.windows_an_epoch / settings.batch_size)
        self.total_steps = self.steps_an_epoch * settings.epochs
        self.optimizer = Optimizer(predictor.parameters(), settings, hardware.device)
        # On the CPU, so that the order of windows is the same whatever the device.
        self.shuffling = torch.Generator().manual_seed(settings.seed)

    def epochs(
        self, interrupted: Callable[[], bool] = lambda: False, until: int | None = None
    ) -> Iterator[EpochLosses]:
        """Train from the current epoch on, yielding after each epoch.

        Args:
            interrupted: Asked before every step.
            until: Total number of epochs after which to end; None for all of the settings.

        Raises:
            Interrupted: If ``interrupted`` returned True.
            TrainingFailed: If the loss is no longer finite.
        """
        last = self.settings.epochs if until is None else min(until, self.settings.epochs)
        for epoch in range(self.epochs_done, last):
            losses = self.take_steps(epoch, interrupted)
            # Fetched once an epoch; added on the CPU, as Apple GPUs have no float64.
            sums = losses.cpu().double().sum(dim=0)
            total, base, term, peak = (sums / self.windows_an_epoch).tolist()
            if not math.isfinite(total):
                raise TrainingFailed(
                    f"the training loss is {total} in epoch {epoch + 1}: the training diverged; "
                    "lower training.learning_rate or loss.gradient_weight"
                )
            self.optimizer.evaluate()
            self.epochs_done = epoch + 1
            yield EpochLosses(epoch=epoch, total=total, base=base, term=term, peak=peak)

    def take_steps(self, epoch: int, interrupted: Callable[[], bool] = lambda: False) -> Tensor:
        """Take the steps of an epoch; none of them waits for the device.

        Returns:
            Total loss, base, term and peak term of each step, each times the windows of the step.

        Raises:
            Interrupted: If ``interrupted`` returned True.
        """
        self.predictor.train()
        self.optimizer.train()
        order = send(self._order(), self.windows.index_device, torch.int64)
        losses: list[Tensor] = []
        batches = torch.split(order, self.settings.batch_size)
        windows = self.windows.batches(part for which in batches for part in self._parts(which))
        for index, which in enumerate(batches):
            self.steps_done = epoch * self.steps_an_epoch + index
            if interrupted():
                raise Interrupted
            losses.append(self._step(self.steps_done, which, windows) * len(which))
        return torch.stack(losses)

    def _order(self) -> Tensor:
        """Return the windows of an epoch in random order: a part of a pass, or several passes."""
        passes = math.ceil(self.windows_an_epoch / len(self.windows))
        orders = [
            torch.randperm(len(self.windows), generator=self.shuffling) for _ in range(passes)
        ]
        return torch.cat(orders)[: self.windows_an_epoch]

    @property
    def between_epochs(self) -> bool:
        """Whether no step was taken since the last whole epoch."""
        return self.steps_done == self.epochs_done * self.steps_an_epoch

    def state(self) -> State:
        """Return all that the next epochs depend on.

        The learning rate is a function of the step, and so of the epochs done.
        """
        return {
            "epochs_done": self.epochs_done,
            "predictor": self.predictor.state_dict(),
            "optimizer": self.optimizer.state(),
            "shuffling": self.shuffling.get_state(),
            "random": _random_state(self.hardware.device),
        }

    def restore(self, state: State) -> None:
        """Continue from a state of a training with the same settings.

        Raises:
            TrainingFailed: If it is of another training; this one is then unchanged.
        """
        before = copy.deepcopy(self.state())
        try:
            self._restore(state)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            # Torch has loaded the part that fits by then.
            self._restore(before)
            reason = " ".join(str(error).split())[:200]
            raise TrainingFailed(
                f"a checkpoint does not fit its training ({type(error).__name__}: {reason}); "
                "remove it"
            ) from error

    def _restore(self, state: State) -> None:
        self.predictor.load_state_dict(state["predictor"])
        self.optimizer.restore(state["optimizer"])
        self.shuffling.set_state(state["shuffling"].cpu())
        _set_random_state(state["random"], self.hardware.device)
        self.epochs_done = int(state["epochs_done"])

    def _parts(self, which: Tensor) -> tuple[Tensor, ...]:
        """Return the parts that a batch is computed in."""
        return which.chunk(min(self.micro_batches, len(which)))

    def _step(self, step: int, which: Tensor, windows: Iterator[Pair]) -> Tensor:
        settings = self.settings
        factor = rate_factor(
            step,
            self.total_steps,
            settings.warmup_fraction,
            settings.final_rate_fraction,
            settings.schedule,
            settings.least_steps,
        )
        self.optimizer.rate = settings.learning_rate * factor
        self.optimizer.zero_grad()
        sums = [self._backward(next(windows), len(which), step) for _ in self._parts(which)]
        self.optimizer.step()
        return torch.stack(sums).sum(dim=0) if len(sums) > 1 else sums[0]

    def _backward(self, windows: Pair, in_the_batch: int, step: int) -> Tensor:
        """Add the gradient of some windows of a batch; return their share of its mean losses."""
        history_BTCHW, future_BTCHW = windows
        with self.hardware.in_precision():
            pred_BTCHW = self._forecast(history_BTCHW, future_BTCHW, step)
        _require_forecast(pred_BTCHW, future_BTCHW)
        # Of a baseline whose end is not known yet total_steps is the most: it has no loss term that
        # depends on the progress.
        progress = step / max(1, self.total_steps - 1)
        parts = self.loss(pred_BTCHW.float(), future_BTCHW, self.mask, progress)
        share = len(future_BTCHW) / in_the_batch
        loss = parts.total_B.mean() * share
        loss.backward()  # type: ignore[no-untyped-call]
        return torch.stack([p.detach() for p in parts]).mean(dim=1) * share

    def _forecast(self, history_BTCHW: Tensor, future_BTCHW: Tensor, step: int) -> Tensor:
        probability = forcing_probability(
            step,
            self.settings.least_steps or self.total_steps,
            self.settings.teacher_forcing_fraction,
        )
        if probability > 0 and isinstance(self.predictor, TeacherForced):
            draws = torch.rand(future_BTCHW.shape[:2], generator=self.shuffling)
            forced_BT = send(draws < probability, self.hardware.device, torch.bool)
            return self.predictor.forecast_forced(history_BTCHW, future_BTCHW, forced_BT)
        if isinstance(self.predictor, MemberForecasting):
            return self.predictor.forecast_members(history_BTCHW)
        forecast: Tensor = self.predictor(history_BTCHW)
        return forecast


def _require_forecast(pred: object, future_BTCHW: Tensor) -> None:
    """Check the shape and type of a forecast, which arithmetic would broadcast or cast silently."""
    expected = tuple(future_BTCHW.shape)
    if isinstance(pred, Tensor) and pred.is_floating_point():
        found = tuple(pred.shape)
        if (found[0], *found[-4:]) == expected and len(found) <= len(expected) + 1:
            return
        raise TrainingFailed(
            f"the predictor returns the shape {found} where (batch, horizon, channel, y, x) = "
            f"{expected} was expected"
        )
    found_type = pred.dtype if isinstance(pred, Tensor) else type(pred).__name__
    raise TrainingFailed(
        f"the predictor returns {found_type} where a tensor of floating-point numbers was expected"
    )


def _random_state(device: torch.device) -> State:
    """Return the state of torch's global generators, which ensembles and dropout draw from."""
    state: State = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def _set_random_state(state: State, device: torch.device) -> None:
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"].cpu())
