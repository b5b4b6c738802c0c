"""The optimiser of a training: AdamW, or AdamW that needs no schedule."""

from collections.abc import Iterable
from typing import Any

import torch
from schedulefree import AdamWScheduleFree
from torch import nn

from fieldsharp.model.settings import TrainingSettings


class Optimizer:
    """Takes the steps, and knows which weights a forecast is made with.

    Args:
        parameters: What is trained, on the device.
        settings: Learning rate, weight decay, clipping and schedule.
        device: Where the parameters are.

    Attributes:
        rate: Learning rate of the steps to come.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        settings: TrainingSettings,
        device: torch.device,
    ) -> None:
        self.rate = settings.learning_rate
        self._parameters = list(parameters)
        self._clip_norm = settings.clip_norm
        self._averaging: AdamWScheduleFree | None = None
        self._steps: torch.optim.Optimizer
        decay = settings.weight_decay
        if settings.schedule == "schedule_free":
            self._averaging = AdamWScheduleFree(self._parameters, self.rate, weight_decay=decay)
            self._steps = self._averaging
        else:
            fused = device.type in ("cpu", "cuda")
            self._steps = torch.optim.AdamW(
                self._parameters, self.rate, weight_decay=decay, fused=fused
            )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._steps.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Take a step down the gradients, clipped."""
        for group in self._steps.param_groups:
            group["lr"] = self.rate
        if self._clip_norm > 0:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._steps.step()

    def train(self) -> None:
        """Put the weights in place that steps are taken from."""
        if self._averaging is not None:
            self._averaging.train()

    def judge(self) -> None:
        """Put the weights in place that forecasts are made with: their mean, if one is kept."""
        if self._averaging is not None:
            self._averaging.eval()

    def state(self) -> dict[str, Any]:
        """Return what the steps to come depend on beside the weights and the rate."""
        return self._steps.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            KeyError, TypeError, ValueError, RuntimeError, AttributeError: If it is of another
                training.
        """
        self._steps.load_state_dict(state)
