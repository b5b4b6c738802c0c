"""A loss term of the user's: tried before it is trained with, and trained with like any other."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.custom_term import check_own_term
from fieldsharp.model.losses.forecast_loss import ForecastLoss, TermScales
from fieldsharp.model.registry import NOT_KNOWN, loss_variant
from fieldsharp.model.settings import LossSettings

MODULE = """\
import torch

def steep(pred, target, mask):
    return (pred - target).abs().mean(dim=(1, 2, 3, 4))

def one_number(pred, target, mask):
    return (pred - target).abs().mean()

def a_float(pred, target, mask):
    return 1.0

def not_finite(pred, target, mask):
    return steep(pred, target, mask) / 0

def cut(pred, target, mask):
    return steep(pred.detach(), target, mask)

def kinked(pred, target, mask):
    return ((pred - pred) ** 2).sqrt().mean(dim=(1, 2, 3, 4)) + steep(pred, target, mask)

def failing(pred, target, mask):
    raise KeyError("weights")

A_NUMBER = 3
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "own_losses.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "own_losses"
    sys.modules.pop("own_losses", None)


def _pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    pred = torch.rand(2, 3, 1, 6, 5, generator=generator)
    target = torch.rand(2, 3, 1, 6, 5, generator=generator)
    return pred, target, torch.ones(6, 5, dtype=torch.bool)


def test_it_is_trained_with_like_any_other(own: str) -> None:
    settings = LossSettings(
        variant=f"{own}:steep", gradient_weight=0.5, multi_step="last", normalise="none"
    )
    pred, target, mask = _pair()
    loss = ForecastLoss(settings, torch.zeros(1, 6, 5), TermScales(gradient=1.0, peak=1.0))
    parts = loss(pred, target, mask, 0.0)
    last = (pred[:, -1:] - target[:, -1:]).abs().mean(dim=(1, 2, 3, 4))
    assert torch.allclose(parts.term_B, last)
    assert torch.allclose(parts.total_B, parts.base_B + 0.5 * last)


def test_a_good_one_passes(own: str) -> None:
    check_own_term(f"{own}:steep", "loss.variant", *_pair(), torch.zeros(1, 6, 5))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("one_number", r"returns \(\) where one value per sample, \(2,\), was expected"),
        ("a_float", "returns float where one value per sample"),
        ("not_finite", "on persistence; return finite values"),
        ("kinked", "has a gradient that is not finite"),
        ("cut", "does not depend on the forecast"),
        ("failing", r"fails on forecasts of shape \(2, 3, 1, 6, 5\) \(KeyError: 'weights'\)"),
        ("A_NUMBER", "cannot be called; name a function"),
        ("nowhere", "names 'nowhere', which module 'own_losses' does not have"),
    ],
)
def test_one_that_cannot_be_trained_on_is_refused(own: str, function: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_own_term(f"{own}:{function}", "loss.variant", *_pair(), torch.zeros(1, 6, 5))


def test_nothing_is_known_of_it_without_running_it() -> None:
    variant = loss_variant("never.imported:term")
    assert (variant.sharpens, variant.optimum) == (True, NOT_KNOWN)
    assert variant.path == "never.imported:term"
