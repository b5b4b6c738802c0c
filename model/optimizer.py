"""The optimiser of a training: AdamW, or AdamW that needs no schedule."""

from collections.abc import Iterable
from typing import Any

from schedulefree import AdamWScheduleFree
from torch import nn

from model.adamw import AdamW
from model.settings import TrainingSettings


class Optimizer:
    """Takes the steps, and knows which weights a forecast is made with.

    Args:
        parameters: What is trained, on its device.
        settings: Learning rate, weight decay, clipping and schedule.

    Attributes:
        rate: Learning rate of the steps to come.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> None:
        self.rate = settings.learning_rate
        self._parameters = list(parameters)
        self._clip_norm = settings.clip_norm
        self._steps: AdamW | AdamWScheduleFree
        if settings.schedule == "schedule_free":
            self._steps = AdamWScheduleFree(
                self._parameters, lr=self.rate, weight_decay=settings.weight_decay
            )
        else:
            self._steps = AdamW(self._parameters, settings.weight_decay)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._steps.zero_grad()

    def step(self) -> None:
        """Take a step down the gradients, clipped."""
        if isinstance(self._steps, AdamW):
            self._steps.step(self.rate, self._clip_norm)
            return
        for group in self._steps.param_groups:
            group["lr"] = self.rate
        if self._clip_norm > 0:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._steps.step()

    def train(self) -> None:
        """Put the weights in place that steps are taken from."""
        if not isinstance(self._steps, AdamW):
            self._steps.train()

    def judge(self) -> None:
        """Put the weights in place that forecasts are made with: their mean, if one is kept."""
        if not isinstance(self._steps, AdamW):
            self._steps.eval()

    def state(self) -> dict[str, Any]:
        """Return what the steps to come depend on beside the weights and the rate."""
        state: dict[str, Any] = self._steps.state_dict()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            KeyError, TypeError, ValueError, RuntimeError, AttributeError: If it is of another
                training.
        """
        self._steps.load_state_dict(state)
