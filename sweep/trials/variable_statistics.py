"""Statistics of every predicted variable, gathered while its forecasts are verified."""

from collections.abc import Mapping, Sequence

import torch

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.frontier.statistics import FrontierStatistics
from fieldsharp.objectives.leads.window_accumulation import WindowAccumulation
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.per_variable import nested
from fieldsharp.objectives.verification_batch import VerificationBatch

Batches = Sequence[VerificationBatch]
"""Of the same windows, one for each predicted variable in their order."""


class FrontiersOfVariables:
    """What the frontier of each variable is computed from.

    Args:
        names: Of the variables, the first first.
        windows: How many will be added.
    """

    def __init__(self, names: Sequence[str], windows: int) -> None:
        self._statistics = {name: FrontierStatistics(windows) for name in names}

    def add(self, batches: Batches) -> None:
        """Add forecasts of the next windows."""
        for statistics, batch in zip(self._statistics.values(), batches, strict=True):
            statistics.add(batch)

    def frontier(self) -> Frontier:
        """Return the frontier of the first variable, with those of the others.

        Raises:
            ValueError: If nothing was added.
        """
        return nested({name: one.frontier() for name, one in self._statistics.items()})


class WindowsOfVariables:
    """The statistics of each window, of each variable and of several forecasts.

    Args:
        names: Of the variables, the first first.
        starts_W, every, span_frames: See ``WindowAccumulation``.
    """

    def __init__(
        self, names: Sequence[str], starts_W: Sequence[int], every: int, span_frames: int
    ) -> None:
        self._accumulations = {
            name: WindowAccumulation(starts_W, every, span_frames) for name in names
        }

    def add_truth(self, batches: Batches) -> None:
        """Add what was observed in the next windows."""
        for accumulation, batch in zip(self._accumulations.values(), batches, strict=True):
            accumulation.add_truth(batch)

    def add(self, name: str, batches: Batches) -> None:
        """Add the next windows of the forecast with this name."""
        for accumulation, batch in zip(self._accumulations.values(), batches, strict=True):
            accumulation.add(name, batch)

    def add_members(self, name: str, of_windows: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """Add all windows of an ensemble with this name, each variable's statistics by name."""
        for accumulation, found in zip(self._accumulations.values(), of_windows, strict=True):
            accumulation.add_members(name, found)

    def statistics(self) -> WindowStatistics:
        """Return the statistics of the first variable, with those of the others."""
        return nested({name: one.statistics() for name, one in self._accumulations.items()})
