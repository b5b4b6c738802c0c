"""What one verification looks at: forecast, truth, and the last frame that was known.

Shape legend: B sample, T lead, C channel, H rows, W columns. Physical units, double precision.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Case:
    """A batch of forecasts beside what was observed.

    Attributes:
        pred_BTCHW: The forecast.
        target_BTCHW: What was observed at the same times.
        persistence_BTCHW: The last known frame, repeated; None where it is not known.
        mask_HW: Cells that count.
    """

    pred_BTCHW: Tensor
    target_BTCHW: Tensor
    persistence_BTCHW: Tensor | None
    mask_HW: Tensor


Statistic = Callable[[Case], Tensor]
"""A mean over the cells of each sample and lead [B, T], to be averaged over samples and leads."""
