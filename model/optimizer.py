"""The optimiser of a training: AdamW, or AdamW that needs no schedule."""

from collections.abc import Iterable

import torch
from schedulefree import AdamWScheduleFree
from torch import nn

from model.settings import TrainingSettings


class Optimizer:
    """Takes the steps, and knows which weights a forecast is made with.

    Args:
        parameters: What is trained.
        settings: Learning rate, weight decay and schedule.
        device: Where the parameters are.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        settings: TrainingSettings,
        device: torch.device,
    ) -> None:
        self._averaging: AdamWScheduleFree | None = None
        rate, decay = settings.learning_rate, settings.weight_decay
        if settings.schedule == "schedule_free":
            self._averaging = AdamWScheduleFree(parameters, lr=rate, weight_decay=decay)
            self.steps: torch.optim.Optimizer = self._averaging
        else:
            fused = device.type in ("cpu", "cuda")
            self.steps = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=fused)

    def set_rate(self, rate: float) -> None:
        """Take the steps to come at this learning rate."""
        for group in self.steps.param_groups:
            group["lr"] = rate

    def train(self) -> None:
        """Put the weights in place that steps are taken from."""
        if self._averaging is not None:
            self._averaging.train()

    def judge(self) -> None:
        """Put the weights in place that forecasts are made with: their mean, if one is kept."""
        if self._averaging is not None:
            self._averaging.eval()
