"""How much of what guards limit the truth has in one block of time, relative to the whole split.

Shape legend: B sample, D block of the split, T lead, N valid cells of all channels.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch

from fieldsharp.fields.decorrelation import independent_samples
from fieldsharp.fields.device_copies import fetch, send
from fieldsharp.objectives.frontier.statistics import BLOCKS, LEAST_WINDOWS_OF_A_BLOCK
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.metrics import METRICS
from fieldsharp.objectives.verification_batch import Statistic, VerificationBatch

Tensor = torch.Tensor
OF_THE_FORECAST = {
    "power_small": 1,
    "power_middle": 1,
    "power_large": 1,
    "roughness": 1,
    "peak_isolation": 1,
    "std_ratio": 2,
    "region_std_ratio": 2,
    "forward_sobel": 2,
}
"""The metrics of guards against excess, and how many of their first statistics are of the forecast.

The others are of the truth; ``forward_sobel`` has none of those, and is divided by the whole
split's."""


class TruthVariation:
    """Sums of the statistics of the truth over each block of a split.

    Not thread-safe; holds a few doubles per statistic, block and lead, on the device of the
    batches. To add a batch never waits for the device.

    Args:
        samples: Number of samples of the split.

    Raises:
        ValueError: If that is less than 1.
    """

    def __init__(self, samples: int) -> None:
        if samples < 1:
            raise ValueError(f"the truth of a split has at least one sample, found {samples}")
        self._samples = samples
        self._blocks = max(1, min(BLOCKS, samples // LEAST_WINDOWS_OF_A_BLOCK))
        self._counts_D = torch.zeros(self._blocks, dtype=torch.float64)
        self._sums: dict[Statistic, Tensor] = {}

    def add(self, case: VerificationBatch, places_B: Tensor) -> None:
        """Add the truth of samples, given their places in time order, on the CPU."""
        itself = replace(case, pred_BTCHW=case.target_BTCHW)
        block_B = places_B * self._blocks // self._samples
        self._counts_D.index_add_(0, block_B, torch.ones(len(block_B), dtype=torch.float64))
        sent_B = send(block_B, case.target_BTCHW.device, torch.int64)
        for statistic in {s for name in OF_THE_FORECAST for s in METRICS[name].statistics}:
            values = statistic(itself).double()
            if statistic not in self._sums:
                self._sums[statistic] = values.new_zeros((self._blocks, *values.shape[1:]))
            self._sums[statistic].index_add_(0, sent_B, values)

    def variation(self, cells_BN: Tensor) -> FieldVariation:
        """Return the variation of the truth.

        Args:
            cells_BN: The truth of all samples in time order, at one lead, on the CPU.
        """
        sums = fetch(self._sums)
        return FieldVariation(
            independent_samples=independent_samples(cells_BN),
            largest={name: self._largest(name, sums) for name in OF_THE_FORECAST},
        )

    def _largest(self, name: str, sums: Mapping[Statistic, Tensor]) -> float:
        """Return the mean over leads of the block where that is largest."""
        metric, own = METRICS[name], OF_THE_FORECAST[name]
        used_D = self._counts_D > 0
        block, whole = [], []
        for statistic in metric.statistics:
            sum_D = sums[statistic][used_D]
            count_D = self._counts_D[used_D].reshape(-1, *[1] * (sum_D.ndim - 1))
            block.append(sum_D / count_D)
            whole.append((sum_D.sum(dim=0) / count_D.sum()).expand_as(sum_D))
        value_DT = metric.formula(*block[:own], *whole[own:])
        if len(metric.statistics) == own:
            value_DT = value_DT / metric.formula(*whole)
        least = 0.0 if metric.unit == "dB" else 1.0
        largest = float(value_DT.mean(dim=1).max())
        return largest if largest > least else least  # NaN where no cell has the metric
