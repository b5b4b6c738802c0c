"""AdamW on all weights as one vector.

A small net has dozens of weights and biases. Clipped and stepped one by one, they cost a tenth of a
training step in calls alone, and torch's own optimiser loads the compiler of torch besides: a
second and 80 MB of every process that trains. Formula and numbers are those of torch.
"""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import torch
from torch import nn
from torch.optim.adamw import adamw

Tensor = torch.Tensor
BETAS = (0.9, 0.999)
EPSILON = 1e-8


class AdamW:
    """Takes steps on parameters: Loshchilov and Hutter 2019, arXiv 1711.05101.

    Parameters without a gradient take none. One that has a gradient in some steps alone goes on by
    its momentum in the others, where torch would leave it.

    Args:
        parameters: What is trained, at least one, all on one device.
        weight_decay: Share of the weights, times the rate, taken off in each step.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self._decay = weight_decay
        self._parameters = [p for p in parameters if p.requires_grad]
        if not self._parameters:
            raise ValueError("there is no parameter to train")
        device = self._parameters[0].device
        self._fused = device.type in ("cpu", "cuda")
        dtype = reduce(torch.promote_types, (p.dtype for p in self._parameters), torch.float32)
        count = sum(p.numel() for p in self._parameters)
        # Kept, since memory that is taken anew in every step comes as pages still to be cleared.
        self._mean, self._square, self._gradient, self._change = (
            torch.zeros(count, dtype=dtype, device=device) for _ in range(4)
        )
        # On the CPU where each step must read it.
        self._steps = torch.zeros((), device=device if self._fused else "cpu")
        self._gradients = self._of_each(self._gradient)
        self._changes = self._of_each(self._change)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float, clip_norm: float = 0.0) -> None:
        """Take a step down the gradients.

        Args:
            rate: Learning rate.
            clip_norm: Norm that the gradient of all parameters is scaled down to; 0 leaves it.
        """
        self._gather()
        if clip_norm > 0:
            self._gradient *= (clip_norm / (self._gradient.norm() + 1e-6)).clamp(max=1.0)
        self._change.zero_()
        adamw(
            [self._change],
            [self._gradient],
            [self._mean],
            [self._square],
            [],
            [self._steps],
            fused=self._fused,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )
        if self._decay:
            trained: list[Tensor] = [p for p in self._parameters if p.grad is not None]
            torch._foreach_mul_(trained, 1.0 - rate * self._decay)
        torch._foreach_add_(self._parameters, self._changes)  # type: ignore[arg-type]

    def _gather(self) -> None:
        """Copy the gradients of all parameters into the one vector, 0 where there is none."""
        there = [
            (into, parameter.grad)
            for into, parameter in zip(self._gradients, self._parameters, strict=True)
            if parameter.grad is not None
        ]
        if len(there) < len(self._parameters):
            self._gradient.zero_()
        torch._foreach_copy_([into for into, _ in there], [gradient for _, gradient in there])

    def _of_each(self, vector: Tensor) -> list[Tensor]:
        """Return the part of a vector that is of each parameter, in its shape."""
        parts = torch.split(vector, [p.numel() for p in self._parameters])
        return [part.view(p.shape) for part, p in zip(parts, self._parameters, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return what the steps to come depend on beside weights, rate and gradients."""
        return {"mean": self._mean, "square": self._square, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            KeyError, ValueError: If it is of other parameters; this one is as it was before.
        """
        own = self.state_dict()
        for name, value in own.items():
            if state[name].shape != value.shape:
                raise ValueError(
                    f"{name} has the shape {tuple(state[name].shape)}, not {tuple(value.shape)}"
                )
        for name, value in own.items():
            value.copy_(state[name])
