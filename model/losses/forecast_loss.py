"""The loss of a forecast: base loss, weighted gradient term, weighted peak term, and their scales.

Shape legend: B sample, K member, T lead, C channel, H rows, W columns. Units of the training range.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.windows import Windows, one_channel
from fieldsharp.model.registry import BASE_LOSSES, MEMBER_LOSSES, load, loss_variant
from fieldsharp.model.settings import LossSettings

Tensor = torch.Tensor
BATCH = 64
MIDDLE_OF_TRAINING = 0.5


class LossTerm(Protocol):
    """The signature of base losses and terms: masked, one value per sample."""

    def __call__(self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
        """Return the term of each sample [B], on the field in units of the training range."""
        ...


class LossParts(NamedTuple):
    """The loss of each sample [B] and its parts; terms before their weights."""

    total_B: Tensor
    base_B: Tensor
    term_B: Tensor
    peak_B: Tensor


class TermScales(NamedTuple):
    """Factors on the weights of the gradient and the peak term."""

    gradient: float = 1.0
    peak: float = 1.0


class ForecastLoss:
    """base + gradient_weight * term + peak_weight * peak term.

    Each part is averaged over the leads it is applied to: the base to all of them.

    Args:
        climatology_CHW: Mean of each cell over the training, in units of the training range: what
            terms on anomalies subtract.
        scales: Of the terms; see ``term_scales``.
    """

    def __init__(
        self,
        settings: LossSettings,
        climatology_CHW: Tensor,
        scales: TermScales = TermScales(),  # noqa: B008 - immutable
    ) -> None:
        self.settings = settings
        self.scales = scales
        self.base: Callable[..., Tensor] = _base(settings.base)
        self.term = Term(settings.variant, climatology_CHW)
        self.peak_term = Term(settings.peak_variant, climatology_CHW)

    def __call__(
        self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, progress: float = 1.0
    ) -> LossParts:
        """Return the loss of each sample; masked cells have no effect.

        Args:
            pred_BTCHW: The forecast; of an ensemble its members [B, K, T, C, H, W].
            target_BTCHW: What was observed.
            mask_HW: Cells that count.
            progress: Share of the training that is done.
        """
        settings = self.settings
        samples = target_BTCHW.shape[0]
        of_members = settings.base in MEMBER_LOSSES
        if of_members:
            if pred_BTCHW.dim() != 6:
                raise ConfigError(
                    f"loss.base {settings.base} compares the members of an ensemble, and this "
                    "predictor draws none; use predictor.name ensemble, or loss.base mse"
                )
            base_B = self.base(pred_BTCHW, target_BTCHW, mask_HW)
        if pred_BTCHW.dim() == 6:  # all other losses take each member by itself
            target_BTCHW = target_BTCHW.repeat_interleave(pred_BTCHW.shape[1], dim=0)
            pred_BTCHW = pred_BTCHW.flatten(0, 1)
        if not of_members:
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


class Term:
    """A loss variant with the climatology that some variants need."""

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


def _base(name: str) -> Callable[..., Tensor]:
    function: Callable[..., Tensor] = load((BASE_LOSSES | MEMBER_LOSSES)[name], "loss.base")
    return function


def _by_sample(value: Tensor, samples: int) -> Tensor:
    """Return the mean over the members of each sample, where there are members."""
    return value if value.shape[0] == samples else value.reshape(samples, -1).mean(dim=1)


def term_scales(
    settings: LossSettings,
    windows: Windows,
    mask_HW: Tensor,
    climatology_CHW: Tensor,
    channel: int = 0,
) -> TermScales:
    """Return what weight 1 of each term means: as strong as the base loss, on persistence.

    Terms differ by orders of magnitude, so one range of weights would mean nothing across variants.
    1 where ``normalise`` is ``none`` or the weight is 0.

    Args:
        settings: Of the loss.
        windows: Of the training part.
        mask_HW: Cells of the variable that count.
        climatology_CHW: Of the variable, in units of its training range.
        channel: Of the variable, among those that are predicted.
    """
    if settings.normalise == "none":
        return TermScales()
    of_variable = windows, mask_HW, climatology_CHW, channel
    return TermScales(
        gradient=_scale(settings.variant, settings, *of_variable)
        if settings.gradient_weight
        else 1.0,
        peak=_scale(settings.peak_variant, settings, *of_variable) if settings.peak_weight else 1.0,
    )


def _scale(
    name: str,
    settings: LossSettings,
    windows: Windows,
    mask_HW: Tensor,
    climatology_CHW: Tensor,
    channel: int,
) -> float:
    """Return base(persistence) / term(persistence), means over the training windows.

    1 where the term is 0 on persistence: it then has no scale.
    """
    variant = loss_variant(name)
    base = _base(settings.base)
    term = Term(name, climatology_CHW)
    measure = load(variant.measured_by, "loss.variant") if variant.measured_by else None
    leads = slice(None) if settings.multi_step == "all" else slice(-1, None)
    base_sum = term_sum = 0.0
    predicted = windows.of_frames(windows.frames)
    with torch.no_grad():
        for history_BTCHW, future_BTCHW in predicted.in_order(BATCH):
            future_BTCHW = one_channel(future_BTCHW, channel)
            still_BTCHW = one_channel(history_BTCHW[:, -1:], channel).expand_as(future_BTCHW)
            # Persistence is an ensemble of one member.
            still = still_BTCHW[:, None] if settings.base in MEMBER_LOSSES else still_BTCHW
            base_sum += float(base(still, future_BTCHW, mask_HW).sum())
            pair = still_BTCHW[:, leads], future_BTCHW[:, leads], mask_HW
            value_B = (
                measure(still_BTCHW, future_BTCHW, mask_HW)
                if measure
                else term(*pair, MIDDLE_OF_TRAINING)
            )
            term_sum += float(value_B.sum())
    return base_sum / term_sum if base_sum > 0 and term_sum > 0 else 1.0
