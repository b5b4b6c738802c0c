"""The optimiser of a training: AdamW, or its schedule-free form."""

from collections.abc import Iterable
from typing import Any

import torch
from schedulefree import AdamWScheduleFree
from torch import nn

from fieldsharp.model.settings import TrainingSettings


class Optimizer:
    """Takes steps, and switches between the weights for steps and those for forecasts.

    Attributes:
        rate: Learning rate of the next steps.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], settings: TrainingSettings, device: torch.device
    ) -> None:
        self.rate = settings.learning_rate
        self._weights = list(parameters)
        # Of complex weights real and imaginary part: schedule-free AdamW takes the square of a
        # complex slope for its magnitude, and the fused one takes none.
        self._parameters = [
            torch.view_as_real(one.detach()) if one.is_complex() else one for one in self._weights
        ]
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
        """Reset the gradients."""
        for weight in self._weights:
            weight.grad = None

    def step(self) -> None:
        """Take a step with clipped gradients."""
        for group in self._steps.param_groups:
            group["lr"] = self.rate
        for weight, parts in zip(self._weights, self._parameters, strict=True):
            if weight.is_complex():
                slope = weight.grad
                parts.grad = None if slope is None else torch.view_as_real(slope.resolve_conj())
        if self._clip_norm > 0:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._steps.step()

    def train(self) -> None:
        """Switch to the weights that steps are taken from."""
        if self._averaging is not None:
            self._averaging.train()

    def evaluate(self) -> None:
        """Switch to the weights that forecasts are made with: their running mean, if any."""
        if self._averaging is not None:
            self._averaging.eval()

    def state(self) -> dict[str, Any]:
        """Return all that the next steps depend on besides the weights and the rate."""
        return self._steps.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state.

        Raises:
            KeyError, TypeError, ValueError, RuntimeError, AttributeError: If it is of another
                training.
        """
        self._steps.load_state_dict(state)
