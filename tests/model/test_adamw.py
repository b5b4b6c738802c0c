from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from model.adamw import AdamW

Tensor = torch.Tensor


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.GroupNorm(1, 3), nn.Conv2d(3, 1, 1))


def _descend(net: nn.Module, image: Tensor) -> None:
    loss = (net(image) ** 2).mean() * 100.0
    loss.backward()


def _weights(net: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def _images() -> list[Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [torch.rand(2, 1, 6, 6, generator=draw) for _ in range(12)]


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_steps_are_those_of_torch(clip_norm: float, decay: float) -> None:
    ours, theirs = _net(), _net()
    steps = AdamW(ours.parameters(), decay)
    oracle = torch.optim.AdamW(theirs.parameters(), weight_decay=decay)
    for number, image in enumerate(_images()):
        rate = 0.01 / (1 + number)
        steps.zero_grad()
        _descend(ours, image)
        steps.step(rate, clip_norm)
        oracle.zero_grad()
        _descend(theirs, image)
        if clip_norm:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip_norm)
        oracle.param_groups[0]["lr"] = rate
        oracle.step()
    assert not torch.equal(_weights(ours), _weights(_net()))
    torch.testing.assert_close(_weights(ours), _weights(theirs), rtol=1e-5, atol=1e-6)


def test_a_net_in_double_precision_is_trained_in_it() -> None:
    ours, theirs = _net().double(), _net().double()
    steps = AdamW(ours.parameters(), 0.1)
    oracle = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for image in _images():
        for net, optimizer in ((ours, steps), (theirs, oracle)):
            optimizer.zero_grad()
            _descend(net, image.double())
        steps.step(0.01)
        oracle.step()
    torch.testing.assert_close(_weights(ours), _weights(theirs), rtol=1e-12, atol=1e-12)


def test_what_has_no_gradient_stays() -> None:
    used, unused, frozen = (nn.Parameter(torch.ones(3)) for _ in range(3))
    frozen.requires_grad_(False)
    steps = AdamW([used, unused, frozen], weight_decay=0.5)
    for _ in range(2):
        steps.zero_grad()
        used.sum().backward()  # type: ignore[no-untyped-call]
        steps.step(0.1)
    assert torch.equal(unused, torch.ones(3))
    assert torch.equal(frozen, torch.ones(3))
    assert (used < 0.85).all()


def test_goes_on_from_a_state_to_the_bit() -> None:
    images = _images()
    whole, first = _net(), _net()
    steps = AdamW(whole.parameters(), 0.1)
    before = AdamW(first.parameters(), 0.1)
    for image in images[:5]:
        for net, optimizer in ((whole, steps), (first, before)):
            optimizer.zero_grad()
            _descend(net, image)
            optimizer.step(0.01, 1.0)
    heir = _net()
    heir.load_state_dict(first.state_dict())
    after = AdamW(heir.parameters(), 0.1)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    for image in images[5:]:
        for net, optimizer in ((whole, steps), (heir, after)):
            optimizer.zero_grad()
            _descend(net, image)
            optimizer.step(0.01, 1.0)
    assert torch.equal(_weights(heir), _weights(whole))


def test_a_state_of_other_parameters_is_refused() -> None:
    steps = AdamW(_net().parameters(), 0.0)
    with pytest.raises(ValueError, match=r"mean has the shape \(3,\), not \(40,\)"):
        steps.load_state_dict(AdamW([nn.Parameter(torch.zeros(3))], 0.0).state_dict())
    assert float(steps.state_dict()["mean"].norm()) == 0.0


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(ValueError, match="no parameter to train"):
        AdamW([], 0.0)


def test_training_does_not_load_the_compiler_of_torch() -> None:
    """It would take a second and 80 MB of every worker."""
    program = """
import sys, torch
from model.optimizer import Optimizer
from model.settings import TrainingSettings
weight = torch.nn.Parameter(torch.ones(2))
optimizer = Optimizer([weight], TrainingSettings())
optimizer.zero_grad()
weight.sum().backward()
optimizer.step()
print("torch._dynamo" in sys.modules, weight.tolist() != [1.0, 1.0])
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "True"]
