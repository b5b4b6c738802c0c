"""Statistics of many batches of forecasts: their means, their maxima, or the values themselves.

Shape legend: B sample, T lead, N value of a sample and lead, P position among the values kept of a
lead. A statistic of several numbers has further dimensions.
"""

import copy
from typing import Protocol, Self

import torch

from fieldsharp.objectives.verification_batch import Gathered, Largest, Statistic

Tensor = torch.Tensor
GOLDEN_RATIO = 0x9E3779B97F4A7C15 - 2**64
"""(sqrt(5) - 1) / 2 as a 64-bit fraction; a signed integer, as torch has no other."""


class Accumulation(Protocol):
    """A statistic over all samples that were added. Not thread-safe."""

    def add(self, values: Tensor) -> None:
        """Add the statistic of a batch [B, T, ...], double precision."""

    @property
    def held(self) -> Tensor:
        """What was accumulated, on the device of the batches."""

    def holding(self, held: Tensor) -> Self:
        """Return the same accumulation, what was accumulated being on another device."""

    def result(self, *, per_lead: bool) -> Tensor:
        """Return the statistic of each lead [T, ...], or of all leads together [...]."""


def accumulation_of(statistic: Statistic) -> Accumulation:
    """Return an empty accumulation of a statistic."""
    if isinstance(statistic, Largest):
        return Maximum()
    if isinstance(statistic, Gathered):
        return EvenSubset(statistic)
    return Mean()


class _Holding:
    """Has one tensor that batches are added to."""

    _held: Tensor | None = None

    @property
    def held(self) -> Tensor:
        """What was accumulated, on the device of the batches."""
        assert self._held is not None, "nothing was added"
        return self._held

    def holding(self, held: Tensor) -> Self:
        """Return the same accumulation, what was accumulated being on another device."""
        other = copy.copy(self)
        other._held = held
        return other


class Mean(_Holding):
    """The mean over samples, and over leads where they are taken together; holds sums [T, ...]."""

    def __init__(self) -> None:
        self._samples = 0

    def add(self, values: Tensor) -> None:
        """Add the statistic of a batch [B, T, ...]."""
        new = values.sum(dim=0)
        self._held = new if self._held is None else self._held + new
        self._samples += values.shape[0]

    def result(self, *, per_lead: bool) -> Tensor:
        """Return the mean of each lead [T, ...], or of all leads together [...]."""
        return (self.held if per_lead else self.held.mean(dim=0)) / self._samples


class Maximum(_Holding):
    """The maximum over samples, and over leads where they are taken together."""

    def add(self, values: Tensor) -> None:
        """Add the statistic of a batch [B, T, ...]."""
        new = values.amax(dim=0)
        self._held = new if self._held is None else torch.maximum(self._held, new)

    def result(self, *, per_lead: bool) -> Tensor:
        """Return the maximum of each lead [T, ...], or of all leads together [...]."""
        return self.held if per_lead else self.held.amax(dim=0)


class EvenSubset(_Holding):
    """The values of all samples, and what is computed from them.

    Values are numbered over samples and within a sample. Of more than ``most`` of a lead, those are
    kept whose number times the golden ratio has the least fraction: evenly spread over samples and
    cells, whatever the batches, and seldom in step with the width of a grid or the time of day.
    The same numbers are kept at every lead.

    Args:
        gathered: What is computed from the values, and how many are kept.
    """

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._counted = 0
        self._fraction_P = torch.empty(0, dtype=torch.int64)

    def add(self, values: Tensor) -> None:
        """Add the statistic of a batch [B, T, N, ...]."""
        samples, _, count = values.shape[:3]
        end = self._counted + samples * count
        # The whole part is lost, as integers overflow.
        fraction_P = torch.arange(self._counted, end, device=values.device) * GOLDEN_RATIO
        self._counted = end
        kept_P = self._least(fraction_P)
        new_PT, fraction_P = values[kept_P // count, :, kept_P % count], fraction_P[kept_P]
        if self._held is not None:
            new_PT = torch.cat([self._held, new_PT])
            fraction_P = torch.cat([self._fraction_P, fraction_P])
            kept_P = self._least(fraction_P)
            new_PT, fraction_P = new_PT[kept_P], fraction_P[kept_P]
        self._held, self._fraction_P = new_PT, fraction_P

    def result(self, *, per_lead: bool) -> Tensor:
        """Return what is computed from the values of each lead [T, ...], or of all leads [...]."""
        if per_lead:
            return torch.stack([self._gathered.formula(v) for v in self.held.unbind(dim=1)])
        return self._gathered.formula(self.held.flatten(0, 1))

    def _least(self, fraction_P: Tensor) -> Tensor:
        """Return the positions of the least fractions, in rising order where some are left out."""
        if len(fraction_P) <= self._gathered.most:
            return torch.arange(len(fraction_P), device=fraction_P.device)
        return fraction_P.topk(self._gathered.most, largest=False, sorted=True).indices
