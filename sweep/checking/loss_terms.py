"""Loss terms: each is above 0, has a gradient on the weights, and falls under training.

A term that is meant only as a part added to the base loss, such as AMSE - MSE, is trained on beside
it: any forecast with the truth's power is a minimum of that difference alone.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.forecast_loss import MIDDLE_OF_TRAINING, LossParts
from fieldsharp.model.registry import NO_TERM, loss_variant
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
    """Check one loss on one batch; the settings of ``loss`` leave only this one.

    By itself, or with the base loss where it is meant only as an addition to it.
    """
    predictor = context.shaken_predictor()
    predictor.train()
    is_term = "variant" in settings
    with_base = is_term and loss_variant(str(settings["variant"])).only_with_base
    try:
        parts = _parts(context, predictor, settings, scaled=with_base)
        first = parts()
    except ConfigError as error:  # crps where there are no members
        return Finding(ok=False, detail=str(error).partition(";")[0], fix="leave it out")
    before = (first.term_B if is_term else first.base_B).mean()
    slope = _gradient_norm(before, predictor)
    if not before.isfinite() or before.item() <= 0 or not 0 < slope < math.inf:
        detail = f"it is {before.item():.3g} with a gradient of {slope:.3g} on the weights"
        fix = (
            "check that the mask leaves cells for it, and that nothing is detached between "
            "forecast and loss"
        )
        return Finding(ok=False, detail=detail, fix=fix)

    def trained_on() -> Tensor:
        now = parts()
        return (now.total_B if with_base else now.term_B if is_term else now.base_B).mean()

    start = trained_on().detach()
    descend_often(predictor, lambda: trained_on() / start, STEPS)
    with torch.no_grad():
        share = (trained_on() / start).item()
    falls = f"{share:.2f} times that after {STEPS} steps on one batch"
    if with_base:
        falls = (
            f"added to the base loss {context.config.loss.base}, as it is meant, the sum is "
            f"{share:.2f} times what it was after {STEPS} steps on one batch"
        )
    detail = f"it is {before.item():.3g} with a gradient of {slope:.3g} on the weights, and {falls}"
    fix = "check the sign and the smoothness of the term: training on it does not lower it"
    return finding(detail, fix, ok=share < 1)


def _parts(
    context: CheckContext, predictor: nn.Module, settings: dict[str, float | str], *, scaled: bool
) -> Callable[[], LossParts]:
    """Return the parts of the loss on one batch; weight 1 has its usual meaning if ``scaled``."""
    history_BTCHW, future_BTCHW = context.batch(WINDOWS)
    loss = context.loss(context.some_windows(WINDOWS) if scaled else None, **settings)

    def parts() -> LossParts:
        torch.manual_seed(context.config.training.seed)  # the same noise for the members
        pred = context.forecast(predictor, history_BTCHW)
        return loss(pred, future_BTCHW, context.data.masks, MIDDLE_OF_TRAINING)

    return parts


def _gradient_norm(value: Tensor, predictor: nn.Module) -> float:
    """Return the norm of the gradient over all weights, 0 where there is none."""
    if not value.requires_grad:
        return 0.0
    weights = [weight for weight in predictor.parameters() if weight.requires_grad]
    slopes = torch.autograd.grad(value, weights, allow_unused=True)
    squares = [
        slope.abs().cpu().double().square().sum().item() for slope in slopes if slope is not None
    ]
    return math.sqrt(sum(squares))
