"""The loss of a forecast: base loss plus the weighted gradient term, on the last or all steps."""

from typing import NamedTuple, Protocol

import torch

from model.catalog import BASE_LOSSES, LOSS_VARIANTS, load
from model.settings import LossSettings

Tensor = torch.Tensor


class LossTerm(Protocol):
    """What every base loss and gradient term is: masked, and one value per sample."""

    def __call__(self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
        """Return the term of each sample [B], on the field in units of the training range."""
        ...


class LossParts(NamedTuple):
    """The loss of each sample [B] and what it is made of."""

    total_B: Tensor
    base_B: Tensor
    term_B: Tensor


class ForecastLoss:
    """base + gradient_weight * term, each averaged over the leads it is applied to."""

    def __init__(self, settings: LossSettings) -> None:
        self.settings = settings
        self.base: LossTerm = load(BASE_LOSSES[settings.base], "loss.base")
        self.term: LossTerm = load(LOSS_VARIANTS[settings.variant], "loss.variant")

    def __call__(self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> LossParts:
        """Return the loss of each sample; masked cells never matter."""
        base_B = self.base(pred_BTCHW, target_BTCHW, mask_HW)
        if self.settings.gradient_weight == 0:
            return LossParts(base_B, base_B, torch.zeros_like(base_B))
        leads = slice(None) if self.settings.multi_step == "all" else slice(-1, None)
        term_B = self.term(pred_BTCHW[:, leads], target_BTCHW[:, leads], mask_HW)
        return LossParts(base_B + self.settings.gradient_weight * term_B, base_B, term_B)
