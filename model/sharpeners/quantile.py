"""Quantile mapping: each predicted value becomes the observed one of the same rank.

Shape legend: B sample, T lead, C channel, H rows, W columns, K node.
"""

import numpy as np
import torch

from fieldsharp.fields.device_copies import is_readable
from fieldsharp.model.sharpeners.interface import NotFittedError, Parameters, Region

Tensor = torch.Tensor
MOST_NODES = 2049
MOST_VALUES = 2_000_000
"""Values that are sorted at most, at each lead; evenly spread over all."""


class Quantile:
    """Maps values by their rank: sorted forecasts to sorted observations, linear in between.

    Beyond the fitted range a value is shifted by the difference at the range's end, so that a
    record stays a record. Where the truth has a floor of 0 with values on it, such as rain, zeros
    stay zeros and nothing falls below.
    Panofsky and Brier 1958; as a correction of models Deque 2007, doi
    10.1016/j.gloplacha.2006.11.030.
    """

    def __init__(self, region: Region) -> None:
        self._mask_HW = region.mask_HW

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        """Return the nodes of each lead and channel: predicted and observed values [T, C, K].

        Raises:
            NotFittedError: If all forecasts of a lead are one value.
        """
        predicted, observed = self._sorted(pred_BTCHW), self._sorted(target_BTCHW)
        if (predicted[..., 0] == predicted[..., -1]).any():
            raise NotFittedError("the forecasts of a lead are all one value, which has no ranks")
        floor_TC1 = (observed[..., :1] == 0) & (observed[..., :1] == observed[..., 1:2])
        return {
            "predicted": predicted,
            "observed": _means_of_ties(predicted, observed),
            "has_floor": floor_TC1.to(predicted),
        }

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        """Return the forecasts with their values mapped."""
        if not is_readable(pred_BTCHW):
            return _mapped(pred_BTCHW, parameters)
        array_BTCHW = pred_BTCHW.numpy()
        mapped_BTCHW = np.empty_like(array_BTCHW)
        nodes = (parameters[name].numpy() for name in ("predicted", "observed", "has_floor"))
        predicted_TCK, observed_TCK, floor_TC1 = nodes
        for lead, channel in np.ndindex(predicted_TCK.shape[:2]):
            x_K, y_K = predicted_TCK[lead, channel], observed_TCK[lead, channel]
            values = array_BTCHW[:, lead, channel]
            mapped = np.interp(values, x_K, y_K)
            # Beyond both ends np.interp repeats the end.
            mapped += np.maximum(values - x_K[-1], 0.0) + np.minimum(values - x_K[0], 0.0)
            if floor_TC1[lead, channel, 0]:
                mapped = np.where(values <= 0.0, 0.0, np.maximum(mapped, 0.0))
            mapped_BTCHW[:, lead, channel] = mapped
        return torch.from_numpy(mapped_BTCHW)

    def _sorted(self, field_BTCHW: Tensor) -> Tensor:
        """Return the sorted values of the valid cells at evenly spaced ranks [T, C, K]."""
        values = field_BTCHW[..., self._mask_HW].permute(1, 2, 0, 3).flatten(-2).cpu().numpy()
        every = -(-values.shape[-1] // MOST_VALUES)
        ordered = np.sort(values[..., ::every], axis=-1)
        count = ordered.shape[-1]
        rank_K = np.linspace(0, count - 1, min(count, MOST_NODES)).round().astype(np.int64)
        return torch.from_numpy(np.ascontiguousarray(ordered[..., rank_K])).to(field_BTCHW)


def _mapped(pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
    """Return the forecasts with their values mapped on their device, which nobody waits for.

    On a CPU NumPy's ``interp`` is faster.
    """
    x_TCK, y_TCK = parameters["predicted"], parameters["observed"]
    values = pred_BTCHW.permute(1, 2, 0, 3, 4).flatten(2)
    nodes = x_TCK.shape[-1]
    at_or_below = torch.searchsorted(x_TCK, values, right=True)
    low = (at_or_below - 1).clamp(min=0, max=nodes - 2)
    x, y = x_TCK.gather(-1, low), y_TCK.gather(-1, low)
    slope = (y_TCK.gather(-1, low + 1) - y) / (x_TCK.gather(-1, low + 1) - x)
    inside = slope * (values - x) + y
    first, last = (y_TCK[..., :1], x_TCK[..., :1]), (y_TCK[..., -1:], x_TCK[..., -1:])
    mapped = torch.where(at_or_below == 0, first[0], inside)
    mapped = torch.where(at_or_below == nodes, last[0], mapped)
    mapped = mapped + (values - last[1]).clamp(min=0.0) + (values - first[1]).clamp(max=0.0)
    with_floor = torch.where(values <= 0.0, 0.0, mapped.clamp(min=0.0))
    mapped = torch.where(parameters["has_floor"] > 0, with_floor, mapped)
    samples, (leads, channels) = pred_BTCHW.shape[0], x_TCK.shape[:2]
    size = (leads, channels, samples, *pred_BTCHW.shape[3:])
    return mapped.reshape(size).permute(2, 0, 1, 3, 4)


def _means_of_ties(predicted_TCK: Tensor, observed_TCK: Tensor) -> Tensor:
    """Return the observed nodes, those of equal predicted ones replaced by their mean."""
    result_TCK = observed_TCK.clone()
    for lead, channel in np.ndindex(*predicted_TCK.shape[:2]):
        _, which_K, count = torch.unique_consecutive(
            predicted_TCK[lead, channel], return_inverse=True, return_counts=True
        )
        sums = torch.zeros(len(count), dtype=result_TCK.dtype, device=result_TCK.device)
        sums.index_add_(0, which_K, observed_TCK[lead, channel])
        result_TCK[lead, channel] = (sums / count)[which_K]
    return result_TCK
