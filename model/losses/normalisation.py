"""What weight 1 of a term means: as strong as the base loss, measured on persistence.

Terms differ by orders of magnitude, so one range of weights would mean nothing across variants.
"""

import torch

from fieldsharp.fields.windows import Windows
from fieldsharp.model.losses.forecast_loss import Term, TermScales
from fieldsharp.model.registry import BASE_LOSSES, load, loss_variant
from fieldsharp.model.settings import LossSettings

Tensor = torch.Tensor
BATCH = 64
MIDDLE_OF_TRAINING = 0.5


def term_scales(
    settings: LossSettings, windows: Windows, mask_HW: Tensor, climatology_CHW: Tensor
) -> TermScales:
    """Return the scales of both terms of a loss.

    1 where ``normalise`` is ``none`` or the weight is 0.
    """
    if settings.normalise == "none":
        return TermScales()
    return TermScales(
        gradient=_scale(settings.variant, settings, windows, mask_HW, climatology_CHW)
        if settings.gradient_weight
        else 1.0,
        peak=_scale(settings.peak_variant, settings, windows, mask_HW, climatology_CHW)
        if settings.peak_weight
        else 1.0,
    )


def _scale(
    name: str, settings: LossSettings, windows: Windows, mask_HW: Tensor, climatology_CHW: Tensor
) -> float:
    """Return base(persistence) / term(persistence), means over the training windows.

    1 where the term finds nothing to say of persistence: a term that is 0 there has no scale.
    """
    variant = loss_variant(name)
    # Members of an ensemble that agree have the mean absolute error as their CRPS.
    base = load(BASE_LOSSES["l1" if settings.base == "crps" else settings.base], "loss.base")
    term = Term(name, climatology_CHW)
    measure = load(variant.measured_by, "loss.variant") if variant.measured_by else None
    leads = slice(None) if settings.multi_step == "all" else slice(-1, None)
    base_sum = term_sum = 0.0
    with torch.no_grad():
        for history_BTCHW, future_BTCHW in windows.in_order(BATCH):
            still_BTCHW = history_BTCHW[:, -1:].expand_as(future_BTCHW)
            base_sum += float(base(still_BTCHW, future_BTCHW, mask_HW).sum())
            pair = still_BTCHW[:, leads], future_BTCHW[:, leads], mask_HW
            value_B = (
                measure(still_BTCHW, future_BTCHW, mask_HW)
                if measure
                else term(*pair, MIDDLE_OF_TRAINING)
            )
            term_sum += float(value_B.sum())
    return base_sum / term_sum if base_sum > 0 and term_sum > 0 else 1.0
