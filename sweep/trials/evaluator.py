"""Evaluates the metrics of predictors on the windows of one part of a series."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from fieldsharp.fields.decorrelation import thinned
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.split import window_span
from fieldsharp.fields.windows import Windows, one_channel
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import nested
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.trials.variable_statistics import (
    Batches,
    FrontiersOfVariables,
    WindowsOfVariables,
)

BATCH = 64
BATCH_VALUES = 4_000_000
"""Most values of a double-precision tensor (32 MB); several are in memory at a time."""
MOST_INPUTS = 8_000_000
"""Most values of the histories of a batch, where there are further inputs (32 MB)."""
CACHED_VALUES = 4_000_000
"""Up to so many values the truth, and fields derived from it, are cached between epochs."""

Forecaster = Callable[[torch.Tensor], torch.Tensor]
"""From history to forecast, both in units of the training range."""


class Evaluator:
    """Computes the metrics of predictors on the same windows, in physical units."""

    def __init__(self, data: ForecastData, windows: Windows) -> None:
        self.data = data
        self._windows = windows
        self.batch = batch_size(windows)
        self._caches = _values_per_window(windows) * len(windows) <= CACHED_VALUES
        self._truths: list[list[MaskedField]] = []

    @property
    def windows(self) -> int:
        """How many windows are verified."""
        return len(self._windows)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the predicted variables."""
        return tuple(variable.name for variable in self.data.predicted)

    def window_accumulation(self) -> WindowsOfVariables:
        """Return an empty accumulation of the statistics of each window."""
        settings = self._windows.settings
        every = settings.train_every if self._windows is self.data.train else settings.score_every
        return WindowsOfVariables(
            self.names, self._windows.starts_B.tolist(), every, span_frames=window_span(settings)
        )

    def frontier_statistics(self) -> FrontiersOfVariables:
        """Return an empty accumulation of what frontiers are computed from."""
        return FrontiersOfVariables(self.names, self.windows)

    def evaluate(self, predictor: Forecaster, *, detail: bool = True) -> MetricValues:
        """Return every metric of a predictor; in detail those too that no score or guard uses.

        A module is put into evaluation mode.
        """
        return self.evaluate_sharpened(predictor, {}, detail=detail)[NO_SHARPENER]

    def evaluate_sharpened(
        self,
        predictor: Forecaster,
        sharpeners: Mapping[str, FittedSharpener],
        *,
        detail: bool = True,
        frontier: FrontiersOfVariables | None = None,
        by_window: WindowsOfVariables | None = None,
    ) -> dict[str, MetricValues]:
        """Return the metrics of a forecast as it is, by the name none, and under each sharpener.

        All are of the same forecasts, each window forecast once. Every predicted variable is
        verified by itself, with its own mask.

        Args:
            predictor: A module is put into evaluation mode.
            sharpeners: By name.
            detail: Whether metrics are computed too that no score or guard uses.
            frontier: Given the forecast as it is, to compute the frontier from.
            by_window: Given all forecasts, for the statistics of each window.

        Raises:
            TrainingFailed: If a sharpener of the user's fails.
        """
        verifications = {
            name: [Verification(detail=detail) for _ in self.names]
            for name in (NO_SHARPENER, *sharpeners)
        }
        for batches in self._batches(predictor):
            _add(verifications[NO_SHARPENER], batches)
            if frontier is not None:
                frontier.add(batches)
            if by_window is not None:
                by_window.add(NO_SHARPENER, batches, with_truth=True)
            for name, sharpener in sharpeners.items():
                sharpened = [
                    replace(batch, pred_BTCHW=of_variable(batch.pred_BTCHW))
                    for batch, of_variable in zip(batches, sharpener.each(), strict=True)
                ]
                _add(verifications[name], sharpened)
                if by_window is not None:
                    by_window.add(name, sharpened, with_truth=False)
        return {
            name: nested(
                {
                    variable: one.metric_values()
                    for variable, one in zip(self.names, found, strict=True)
                }
            )
            for name, found in verifications.items()
        }

    def field_variation(self) -> FieldVariation:
        """Return how much the truth of the windows varies in time."""
        variations = {name: TruthVariation(self.windows) for name in self.names}
        cells: dict[str, list[torch.Tensor]] = {name: [] for name in self.names}
        added = 0
        for batches in self._batches(Persistence.of(self.data)):
            count = batches[0].target_BTCHW.shape[0]
            which = torch.arange(added, added + count)
            for name, batch in zip(self.names, batches, strict=True):
                variations[name].add(batch, which)
                cells[name].append(thinned(batch.truth.cells_BTCN[:, 0].flatten(1)).cpu())
            added += count
        return nested(
            {name: one.variation(torch.cat(cells[name])) for name, one in variations.items()}
        )

    def _batches(self, predictor: Forecaster) -> Iterator[Batches]:
        if isinstance(predictor, nn.Module):
            predictor.eval()
        with torch.no_grad():
            for index, (history_BTCHW, future_BTCHW) in enumerate(
                self._windows.in_order(self.batch)
            ):
                truths = self._truth(index, future_BTCHW)
                last_known = in_physical_units(
                    self.data, history_BTCHW[:, -1:, : self.data.channels]
                )
                pred_BTCHW = in_physical_units(self.data, predictor(history_BTCHW))
                yield [
                    VerificationBatch(
                        pred_BTCHW=one_channel(pred_BTCHW, channel),
                        target_BTCHW=truth.values_BTCHW,
                        persistence_BTCHW=one_channel(last_known, channel).expand_as(
                            truth.values_BTCHW
                        ),
                        mask_HW=truth.mask_HW,
                        climatology=variable.climatology,
                        known_truth=truth,
                        geometry=variable.geometry,
                    )
                    for channel, (variable, truth) in enumerate(
                        zip(self.data.predicted, truths, strict=True)
                    )
                ]

    def _truth(self, index: int, future_BTCHW: torch.Tensor) -> list[MaskedField]:
        if index < len(self._truths):
            return self._truths[index]
        values = in_physical_units(self.data, future_BTCHW)
        truths = [
            MaskedField(
                one_channel(values, channel),
                variable.mask_HW.to(values.device),
                variable.climatology,
                variable.geometry,
            )
            for channel, variable in enumerate(self.data.predicted)
        ]
        if self._caches:
            self._truths.append(truths)
        return truths


def _add(verifications: Sequence[Verification], batches: Batches) -> None:
    for verification, batch in zip(verifications, batches, strict=True):
        verification.add(batch)


def batch_size(windows: Windows) -> int:
    """Return how many windows are verified in one batch."""
    most = min(BATCH, BATCH_VALUES // _values_per_window(windows))
    if windows.further is not None:
        channels = windows.frames.shape[1] + windows.further.channels(windows.settings)
        of_a_history = windows.settings.history * channels * windows.frames.shape[2:].numel()
        most = min(most, MOST_INPUTS // of_a_history)
    return max(1, most)


def in_physical_units(data: ForecastData, unit_BTCHW: torch.Tensor) -> torch.Tensor:
    """Return frames in physical units, double precision."""
    # Apple GPUs have no double precision.
    if unit_BTCHW.device.type == "mps":
        unit_BTCHW = unit_BTCHW.cpu()
    return data.to_physical(unit_BTCHW)


def _values_per_window(windows: Windows) -> int:
    return windows.frames.shape[1:].numel() * windows.settings.horizon


@dataclass(frozen=True)
class Persistence:
    """Forecasts the last known frame at every lead.

    Attributes:
        channels: First channels of the history, which are predicted.
    """

    horizon: int
    channels: int

    @classmethod
    def of(cls, data: ForecastData) -> "Persistence":
        """Return the persistence forecast of the windows of some data."""
        return cls(data.train.settings.horizon, data.channels)

    def __call__(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        """Return the forecast."""
        return history_BTCHW[:, -1:, : self.channels].expand(-1, self.horizon, -1, -1, -1)
