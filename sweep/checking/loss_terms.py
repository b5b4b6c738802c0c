"""Is every loss that can be reached above 0, does it reach the weights, and can it be lowered?"""

import math
from collections.abc import Callable

import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.forecast_loss import MIDDLE_OF_TRAINING
from fieldsharp.model.registry import NO_TERM
from fieldsharp.sweep.checking.check import Check, judged
from fieldsharp.sweep.checking.context import CheckContext, descend_often
from fieldsharp.sweep.configuration.searched_values import searched_values

Tensor = torch.Tensor
WINDOWS = 8
STEPS = 20


def terms_reached(subject: CheckContext) -> dict[str, dict[str, float | str]]:
    """Return the losses a sweep can come to by name, each with the settings that single it out."""
    config = subject.config
    bases = [str(name) for name in searched_values(config, "loss.base")]
    variants = [str(name) for name in searched_values(config, "loss.variant")]
    if any(searched_values(config, "loss.peak_weight")):
        variants += [str(name) for name in searched_values(config, "loss.peak_variant")]
    singled: dict[str, dict[str, float | str]] = {name: {"base": name} for name in bases}
    singled |= {
        name: {"variant": name, "gradient_weight": 1.0, "multi_step": "all"}
        for name in variants
        if name != NO_TERM
    }
    return singled


def check_term(subject: CheckContext, name: str, settings: dict[str, float | str]) -> Check:
    """Check one loss by itself, on one batch.

    Args:
        subject: What it would be trained on.
        name: Of the base loss or the variant.
        settings: Of ``loss`` that single it out.
    """
    title = f"loss term {name}"
    predictor = subject.shaken_predictor()
    predictor.train()
    try:
        value = _term(subject, predictor, settings)
        before = value()
    except ConfigError as error:  # crps where there are no members
        return Check(title, ok=False, detail=str(error).partition(";")[0], fix="leave it out")
    slope = _gradient_norm(before, predictor)
    if not before.isfinite() or before.item() <= 0 or not 0 < slope < math.inf:
        detail = f"it is {before.item():.3g} with a gradient of {slope:.3g} on the weights"
        fix = (
            "check that the mask leaves cells for it, and that nothing is detached between "
            "forecast and loss"
        )
        return Check(title, ok=False, detail=detail, fix=fix)
    first = before.detach()
    descend_often(predictor, lambda: value() / first, STEPS)
    with torch.no_grad():
        share = (value() / first).item()
    detail = (
        f"it is {first.item():.3g} with a gradient of {slope:.3g} on the weights, and {share:.2f} "
        f"times that after {STEPS} steps on one batch"
    )
    fix = "check the sign and the smoothness of the term: training on it does not lower it"
    return judged(title, detail, fix, ok=share < 1)


def _term(
    subject: CheckContext, predictor: nn.Module, settings: dict[str, float | str]
) -> Callable[[], Tensor]:
    history_BTCHW, future_BTCHW = subject.batch(WINDOWS)
    loss = subject.loss(**settings)

    def value() -> Tensor:
        torch.manual_seed(subject.config.training.seed)  # members keep their noise
        pred = subject.forecast(predictor, history_BTCHW)
        parts = loss(pred, future_BTCHW, subject.data.mask_HW, MIDDLE_OF_TRAINING)
        return (parts.term_B if "variant" in settings else parts.base_B).mean()

    return value


def _gradient_norm(value: Tensor, predictor: nn.Module) -> float:
    """Return the length of the gradient on all weights together, 0 where none arrives."""
    if not value.requires_grad:
        return 0.0
    weights = [weight for weight in predictor.parameters() if weight.requires_grad]
    slopes = torch.autograd.grad(value, weights, allow_unused=True)
    squares = [slope.cpu().double().square().sum().item() for slope in slopes if slope is not None]
    return math.sqrt(sum(squares))
