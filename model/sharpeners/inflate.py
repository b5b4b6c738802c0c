"""Inflation: anomalies times one factor a lead.

Shape legend: B sample, T lead, C channel, H rows, W columns, N valid cells.
"""

import torch

from fieldsharp.fields.spectrum import anomalies
from fieldsharp.model.sharpeners.interface import NotFittedError, Parameters, Region

Tensor = torch.Tensor


class Inflate:
    """Anomalies about each cell's climatology, times a factor that gives them the truth's size.

    factor = sqrt(E[o^2] / E[p^2]), with o and p the observed and predicted anomalies of the valid
    cells. Von Storch 1999, doi 10.1175/1520-0442(1999)012<3505:OTUOII>2.0.CO;2, warns that it
    raises the error: it does not know which part of the truth is missing.
    """

    def __init__(self, region: Region) -> None:
        self._region = region

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the factor of each lead and channel, [T, C].

        Raises:
            NotFittedError: If the forecasts do not differ from the climatology.
        """
        power_TC = self._mean_square_TC(pred_BTCHW)
        if not (power_TC > 0).all():
            raise NotFittedError("the forecasts are each cell's mean, which no factor can raise")
        return {"factor": torch.sqrt(self._mean_square_TC(target_BTCHW) / power_TC)}

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the forecasts with their anomalies times the factor of their lead."""
        factor = parameters["factor"][:, :, None, None]
        climatology = self._region.climatology_CHW
        return climatology + factor * (pred_BTCHW - climatology)

    def _mean_square_TC(self, field_BTCHW: Tensor) -> Tensor:
        anomaly = anomalies(field_BTCHW, self._region.climatology_CHW, self._region.mask_HW)
        mean_square_TC: Tensor = anomaly.square().sum(dim=(-1, -2)).mean(dim=0)
        return mean_square_TC / self._region.mask_HW.sum()
