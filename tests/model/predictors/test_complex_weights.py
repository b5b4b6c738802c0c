"""Complex weights: steps, checkpoints and clipping as of their real and imaginary parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fieldsharp.model.optimizer import Optimizer
from fieldsharp.model.schedule import Schedule
from fieldsharp.model.settings import TrainingSettings

Tensor = torch.Tensor
SCHEDULES: tuple[Schedule, ...] = ("cosine", "schedule_free")
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


def start() -> Tensor:
    return torch.randn(5, dtype=torch.cfloat, generator=torch.Generator().manual_seed(0))


def stepped(weights: list[nn.Parameter], schedule: Schedule, steps: int) -> Optimizer:
    settings = TrainingSettings(schedule=schedule, learning_rate=0.01, weight_decay=0.1)
    optimizer = Optimizer(weights, settings, torch.device("cpu"))
    advance(optimizer, weights, steps)
    return optimizer


def advance(optimizer: Optimizer, weights: list[nn.Parameter], steps: int) -> None:
    for _ in range(steps):
        optimizer.train()
        optimizer.zero_grad()
        parts = [torch.view_as_real(w) if w.is_complex() else w for w in weights]
        target = torch.arange(10.0).reshape(5, 2)
        sum((part - target).square().sum() for part in parts).backward()  # type: ignore[union-attr]
        optimizer.step()
    optimizer.evaluate()


@every_schedule
def test_a_complex_weight_moves_as_its_two_real_parts_would(schedule: Schedule) -> None:
    whole = nn.Parameter(start())
    parts = nn.Parameter(torch.view_as_real(start()).clone())
    stepped([whole], schedule, 20)
    stepped([parts], schedule, 20)
    assert not torch.equal(whole.detach().imag, start().imag)
    assert torch.equal(torch.view_as_real(whole.detach()), parts.detach())


@every_schedule
def test_a_training_goes_on_from_a_state_bit_by_bit(schedule: Schedule) -> None:
    at_once, halted = nn.Parameter(start()), nn.Parameter(start())
    stepped([at_once], schedule, 9)
    state = stepped([halted], schedule, 4).state()
    again = nn.Parameter(halted.detach().clone())
    optimizer = stepped([again], schedule, 0)
    optimizer.restore(state)
    advance(optimizer, [again], 5)
    assert torch.equal(at_once.detach(), again.detach())
