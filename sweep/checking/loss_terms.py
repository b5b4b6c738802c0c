"""Loss terms: each is above 0, has a gradient on the weights, and falls under training."""

import math
from collections.abc import Callable

import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.forecast_loss import MIDDLE_OF_TRAINING
from fieldsharp.model.registry import NO_TERM
from fieldsharp.sweep.checking.context import CheckContext, Finding, descend_often, finding

Tensor = torch.Tensor
WINDOWS = 8
STEPS = 20


def terms_reached(context: CheckContext) -> dict[str, dict[str, float | str]]:
    """Return the losses in the search by name, each with the settings that leave only it."""
    config = context.config
    bases = [str(name) for name in config.searched_values("loss.base")]
    variants = [str(name) for name in config.searched_values("loss.variant")]
    if any(config.searched_values("loss.peak_weight")):
        variants += [str(name) for name in config.searched_values("loss.peak_variant")]
    alone: dict[str, dict[str, float | str]] = {name: {"base": name} for name in bases}
    alone |= {
        name: {"variant": name, "gradient_weight": 1.0, "multi_step": "all"}
        for name in variants
        if name != NO_TERM
    }
    return alone


def check_term(context: CheckContext, settings: dict[str, float | str]) -> Finding:
    """Check one loss by itself, on one batch; the settings of ``loss`` leave only this one."""
    predictor = context.shaken_predictor()
    predictor.train()
    try:
        value = _term(context, predictor, settings)
        before = value()
    except ConfigError as error:  # crps where there are no members
        return Finding(ok=False, detail=str(error).partition(";")[0], fix="leave it out")
    slope = _gradient_norm(before, predictor)
    if not before.isfinite() or before.item() <= 0 or not 0 < slope < math.inf:
        detail = f"it is {before.item():.3g} with a gradient of {slope:.3g} on the weights"
        fix = (
            "check that the mask leaves cells for it, and that nothing is detached between "
            "forecast and loss"
        )
        return Finding(ok=False, detail=detail, fix=fix)
    first = before.detach()
    descend_often(predictor, lambda: value() / first, STEPS)
    with torch.no_grad():
        share = (value() / first).item()
    detail = (
        f"it is {first.item():.3g} with a gradient of {slope:.3g} on the weights, and {share:.2f} "
        f"times that after {STEPS} steps on one batch"
    )
    fix = "check the sign and the smoothness of the term: training on it does not lower it"
    return finding(detail, fix, ok=share < 1)


def _term(
    context: CheckContext, predictor: nn.Module, settings: dict[str, float | str]
) -> Callable[[], Tensor]:
    history_BTCHW, future_BTCHW = context.batch(WINDOWS)
    loss = context.loss(**settings)

    def value() -> Tensor:
        torch.manual_seed(context.config.training.seed)  # the same noise for the members
        pred = context.forecast(predictor, history_BTCHW)
        parts = loss(pred, future_BTCHW, context.data.mask_HW, MIDDLE_OF_TRAINING)
        return (parts.term_B if "variant" in settings else parts.base_B).mean()

    return value


def _gradient_norm(value: Tensor, predictor: nn.Module) -> float:
    """Return the norm of the gradient over all weights, 0 where there is none."""
    if not value.requires_grad:
        return 0.0
    weights = [weight for weight in predictor.parameters() if weight.requires_grad]
    slopes = torch.autograd.grad(value, weights, allow_unused=True)
    squares = [slope.cpu().double().square().sum().item() for slope in slopes if slope is not None]
    return math.sqrt(sum(squares))
