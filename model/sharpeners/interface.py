"""The protocol of sharpeners.

Shape legend: B sample, T lead, C channel, H rows, W columns. Physical units, double precision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch

Tensor = torch.Tensor
Parameters = Mapping[str, Tensor]
"""What was fitted, by name; the first dimension of each tensor is the lead."""


@dataclass(frozen=True)
class Region:
    """The cells that count, and what anomalies are measured from.

    Attributes:
        mask_HW: Valid cells.
        climatology_CHW: Mean of each cell over the training frames, 0 in masked cells.
    """

    mask_HW: Tensor
    climatology_CHW: Tensor


class Sharpener(Protocol):
    """Turns a forecast into a sharper one, at each lead by itself.

    Values of masked cells are anything, in forecasts and in results: they must have no effect on
    the others.
    """

    def __init__(self, region: Region) -> None: ...

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the parameters fitted on forecasts and on what was observed.

        Raises:
            NotFittedError: If they cannot be fitted on these.
        """
        ...

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the sharpened forecasts; the parameters have one entry for each of their leads."""
        ...


class NotFittedError(Exception):
    """A sharpener cannot be fitted; the message is the reason, without its name."""
