"""The loss of a forecast: base loss, weighted gradient term, weighted peak term.

Shape legend: B sample, K member, T lead, C channel, H rows, W columns. Units of the training range.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.registry import BASE_LOSSES, load, loss_variant
from fieldsharp.model.settings import LossSettings

Tensor = torch.Tensor


class LossTerm(Protocol):
    """What every base loss and term is: masked, and one value per sample."""

    def __call__(self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
        """Return the term of each sample [B], on the field in units of the training range."""
        ...


class LossParts(NamedTuple):
    """The loss of each sample [B] and what it is made of; terms before their weights."""

    total_B: Tensor
    base_B: Tensor
    term_B: Tensor
    peak_B: Tensor


class TermScales(NamedTuple):
    """What one unit of weight of the gradient and of the peak term is multiplied by."""

    gradient: float = 1.0
    peak: float = 1.0


class ForecastLoss:
    """base + gradient_weight * term + peak_weight * peak term.

    Each part is averaged over the leads it is applied to: the base to all of them.

    Args:
        settings: Which parts, at what weights.
        climatology_CHW: Mean of each cell over the training, in units of the training range: what
            terms on anomalies subtract.
        scales: Of the terms; see ``model.losses.normalisation``.
    """

    def __init__(
        self,
        settings: LossSettings,
        climatology_CHW: Tensor,
        scales: TermScales = TermScales(),  # noqa: B008 - immutable
    ) -> None:
        self.settings = settings
        self.scales = scales
        self.base: Callable[..., Tensor] = load(BASE_LOSSES[settings.base], "loss.base")
        self.term = Term(settings.variant, climatology_CHW)
        self.peak_term = Term(settings.peak_variant, climatology_CHW)

    def __call__(
        self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, progress: float = 1.0
    ) -> LossParts:
        """Return the loss of each sample; masked cells never matter.

        Args:
            pred_BTCHW: The forecast; of an ensemble its members [B, K, T, C, H, W].
            target_BTCHW: What was observed.
            mask_HW: Cells that count.
            progress: Share of the training that is done.
        """
        settings = self.settings
        samples = target_BTCHW.shape[0]
        if settings.base == "crps":
            base_B = self._base_of_members(pred_BTCHW, target_BTCHW, mask_HW)
        if pred_BTCHW.dim() == 6:  # everything else judges each member by itself
            target_BTCHW = target_BTCHW.repeat_interleave(pred_BTCHW.shape[1], dim=0)
            pred_BTCHW = pred_BTCHW.flatten(0, 1)
        if settings.base != "crps":
            base_B = _by_sample(self.base(pred_BTCHW, target_BTCHW, mask_HW), samples)
        leads = slice(None) if settings.multi_step == "all" else slice(-1, None)
        pair = pred_BTCHW[:, leads], target_BTCHW[:, leads]
        term_B = peak_B = torch.zeros_like(base_B)
        if settings.gradient_weight:
            term_B = _by_sample(self.term(*pair, mask_HW, progress), samples)
        if settings.peak_weight:
            peak_B = _by_sample(self.peak_term(*pair, mask_HW, progress), samples)
        total_B = (
            base_B
            + settings.gradient_weight * self.scales.gradient * term_B
            + settings.peak_weight * self.scales.peak * peak_B
        )
        return LossParts(total_B, base_B, term_B, peak_B)

    def _base_of_members(self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
        if pred_BTCHW.dim() != 6:
            raise ConfigError(
                "loss.base crps judges the members of an ensemble, and this predictor draws none; "
                "use predictor.name ensemble, or loss.base mse"
            )
        return self.base(pred_BTCHW, target_BTCHW, mask_HW)


class Term:
    """A loss variant with what it needs beside forecast and truth."""

    def __init__(self, name: str, climatology_CHW: Tensor) -> None:
        self.variant = loss_variant(name)
        self._function: Callable[..., Tensor] = load(self.variant.path, "loss.variant")
        self._climatology_CHW = climatology_CHW

    def __call__(
        self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, progress: float
    ) -> Tensor:
        """Return the term of each sample [B]."""
        if self.variant.on == "anomalies":
            pred_BTCHW = pred_BTCHW - self._climatology_CHW
            target_BTCHW = target_BTCHW - self._climatology_CHW
        if self.variant.takes_progress:
            return self._function(pred_BTCHW, target_BTCHW, mask_HW, progress)
        return self._function(pred_BTCHW, target_BTCHW, mask_HW)


def _by_sample(value: Tensor, samples: int) -> Tensor:
    """Return the mean over the members of each sample, where there are members."""
    return value if value.shape[0] == samples else value.reshape(samples, -1).mean(dim=1)
