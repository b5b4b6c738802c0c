"""Gathers the statistics of each window while forecasts are verified.

Shape legend: B sample, T lead, W windows. Physical units, double precision.
"""

from collections.abc import Mapping, Sequence

import torch

from fieldsharp.fields.device_copies import fetch
from fieldsharp.objectives import accuracy, sharpness
from fieldsharp.objectives.leads.window_statistics import (
    ForecastWindows,
    Grouping,
    ObservedWindows,
    WindowStatistics,
)
from fieldsharp.objectives.verification_batch import Statistic, VerificationBatch

_Values = dict[str, list[torch.Tensor]]
_OBSERVED: dict[str, Statistic] = {
    "gradient": sharpness.gradient_observed,
    "peak": sharpness.peak_observed,
    "mean": accuracy.mean_observed,
}
_OF_FORECASTS: dict[str, Statistic] = {
    "gradient": sharpness.gradient_predicted,
    "peak": sharpness.peak_predicted,
    "squared_error": accuracy.squared_error,
}


class WindowAccumulation:
    """The statistics of each window, of the truth and of several forecasts.

    Their means over all windows are what the metrics of the same names are computed from. Not
    thread-safe; holds three doubles for each window and forecast, on the device of the batches. To
    add a batch never waits for the device; to ask for the statistics does.

    Args:
        starts_W: First frame of each window, in time order.
        every: Frames between the starts of neighbouring windows.
        span_frames: Frames of the series that a window reaches across.
    """

    def __init__(self, starts_W: Sequence[int], every: int, span_frames: int) -> None:
        self._grouping = Grouping(starts_W, every)
        self._span = -(-span_frames // every)
        self._observed: _Values = {name: [] for name in _OBSERVED}
        self._forecasts: dict[str, _Values] = {}

    def add_truth(self, case: VerificationBatch) -> None:
        """Add what was observed in the next windows."""
        _append(self._observed, _OBSERVED, case)

    def add(self, name: str, case: VerificationBatch) -> None:
        """Add the next windows of the forecast with this name."""
        empty: _Values = {statistic: [] for statistic in _OF_FORECASTS}
        _append(self._forecasts.setdefault(name, empty), _OF_FORECASTS, case)

    def add_members(self, name: str, found: Mapping[str, torch.Tensor]) -> None:
        """Add all windows of an ensemble with this name: its statistics [W] by name."""
        self._forecasts[name] = {
            statistic: [values_W.double()] for statistic, values_W in found.items()
        }

    def statistics(self) -> WindowStatistics:
        """Return the statistics of all windows as they are stored."""
        grouped = self._grouping

        def series(values: _Values) -> dict[str, object]:
            joined = fetch({name: torch.cat(found) for name, found in values.items()})
            return {name: grouped.series(found.numpy()) for name, found in joined.items()}

        observed = ObservedWindows.model_validate(
            {
                **series(self._observed),
                "sizes": grouped.sizes_W.tolist(),
                "stretches": grouped.stretches,
                "span": self._span,
            }
        )
        forecasts = {
            name: ForecastWindows.model_validate(series(values))
            for name, values in self._forecasts.items()
        }
        return WindowStatistics(observed=observed, forecasts=forecasts)


def _append(values: _Values, statistics: dict[str, Statistic], case: VerificationBatch) -> None:
    for name, statistic in statistics.items():
        values[name].append(statistic(case).double().mean(dim=1))
