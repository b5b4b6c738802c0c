"""The loss of a forecast of several variables: the mean of the loss of each.

Shape legend: B sample, K member, T lead, C variable, H rows, W columns. Units of the training range
of each variable.
"""

from collections.abc import Sequence

import torch

from fieldsharp.fields.valid_cells import masks_of_channels
from fieldsharp.fields.windows import one_channel
from fieldsharp.model.losses.forecast_loss import ForecastLoss, LossParts

Tensor = torch.Tensor


class MeanOfVariables:
    """Computes the loss of each variable on its channel, with its own mask, and their mean.

    Args:
        losses: Of each variable, with its own climatology and scales of terms.
    """

    def __init__(self, losses: Sequence[ForecastLoss]) -> None:
        self.losses = losses

    def __call__(
        self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_CHW: Tensor, progress: float = 1.0
    ) -> LossParts:
        """Return the loss of each sample; masked cells of a variable have no effect.

        Args:
            pred_BTCHW: The forecast; of an ensemble its members [B, K, T, C, H, W].
            target_BTCHW: What was observed.
            mask_CHW: Cells of each variable that count.
            progress: Share of the training that is done.
        """
        masks = masks_of_channels(mask_CHW)
        parts = [
            loss(
                one_channel(pred_BTCHW, channel),
                one_channel(target_BTCHW, channel),
                masks[channel],
                progress,
            )
            for channel, loss in enumerate(self.losses)
        ]
        return LossParts(*(torch.stack(part).mean(dim=0) for part in zip(*parts, strict=True)))
