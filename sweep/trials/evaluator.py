"""Evaluates the metrics of predictors on the windows of one part of a series."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import getitem

import torch
from torch import nn

from fieldsharp.fields.decorrelation import thinned
from fieldsharp.fields.forecast_data import ForecastData, PredictedVariable
from fieldsharp.fields.initial_times import initial_time_keys
from fieldsharp.fields.masked_statistics import training_levels
from fieldsharp.fields.split import window_span
from fieldsharp.fields.valid_cells import indexed_on
from fieldsharp.fields.windows import Windows, one_channel
from fieldsharp.model.predictors.interface import MemberForecasting
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.limits.truth_variation import TruthVariation
from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.members.ensemble_verification import EnsembleVerification
from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import nested
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.objectives.verification import Verification
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.trials.member_forecasts import Forecaster, forecast_members
from fieldsharp.sweep.trials.variable_statistics import FrontiersOfVariables, WindowsOfVariables
from fieldsharp.sweep.trials.window_forecasts import WindowForecasts, sharpened

BATCH = 64
BATCH_VALUES = 4_000_000
"""Most values of a double-precision tensor (32 MB); several are in memory at a time."""
MOST_INPUTS = 8_000_000
"""Most values of the histories of a batch, where there are further inputs (32 MB)."""
CACHED_VALUES = 4_000_000
"""Up to so many values the truth, and fields derived from it, are cached between epochs."""


class Evaluator:
    """Computes the metrics of predictors on the same windows, in physical units.

    A verification waits for the device when its metrics are asked for, not once a batch (but on
    Apple GPUs, where forecasts are verified on the CPU, as they have no double precision).

    Args:
        data: Whose variables are predicted.
        windows: Of the part that forecasts are verified on.
        members: What the members of an ensemble are judged by together; None to judge the first.
    """

    def __init__(
        self, data: ForecastData, windows: Windows, members: MembersJudged | None = None
    ) -> None:
        self.data = data
        self.members = members
        self._windows = windows
        self.batch = batch_size(windows)
        self._caches = _values_per_window(windows) * len(windows) <= CACHED_VALUES
        is_mps = windows.device.type == "mps"
        device = torch.device("cpu") if is_mps else windows.device
        self._masks = [indexed_on(variable.mask_HW, device) for variable in data.predicted]
        self._climatologies = [variable.climatology.on(device) for variable in data.predicted]
        self._truths: list[list[MaskedField]] = []
        self._thresholds: dict[str, list[float]] = {}

    @property
    def windows(self) -> int:
        """How many windows are verified."""
        return len(self._windows)

    @cached_property
    def _times(self) -> Sequence[int]:
        """A number for the initial time of each window, which ensembles draw by."""
        return initial_time_keys(self._windows, self.data.series)

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
        seed: int = 0,
        detail: bool = True,
        frontier: FrontiersOfVariables | None = None,
        by_window: WindowsOfVariables | None = None,
        of_members: dict[str, MembersResult] | None = None,
        name: str = NO_SHARPENER,
    ) -> dict[str, MetricValues]:
        """Return the metrics of a forecast as it is, by the name none, and under each sharpener.

        All are of the same forecasts, each window forecast once. Every predicted variable is
        verified by itself, with its own mask. The members of an ensemble are verified together
        where that is asked for, else its first one.

        Args:
            predictor: A module is put into evaluation mode.
            sharpeners: By name.
            seed: Of the members of an ensemble.
            detail: Whether metrics are computed too that no score or guard uses.
            frontier: Given the forecast as it is, to compute the frontier from.
            by_window: Given all forecasts, for the statistics of each window.
            of_members: Takes the scores of all members, by name.
            name: Of the forecast as it is.

        Raises:
            TrainingFailed: If a sharpener of the user's fails.
        """
        judged = self.members if isinstance(predictor, MemberForecasting) else None
        verifications = {
            one: [
                self._verification(variable, judged, detail=detail)
                for variable in self.data.predicted
            ]
            for one in (name, *sharpeners)
        }
        are_finite: dict[str, list[torch.Tensor]] = {one: [] for one in sharpeners}
        for forecasts in self._batches(predictor, seed, 1 if judged is None else judged.count):
            if frontier is not None:
                frontier.add([one.batch for one in forecasts])
            for one, verification in verifications.items():
                found = forecasts
                if one != name:
                    found, is_finite = sharpened(forecasts, sharpeners[one])
                    are_finite[one].append(is_finite)
                for of_variable, forecast in zip(verification, found, strict=True):
                    forecast.add_to(of_variable)
                if by_window is not None and judged is None:
                    by_window.add(one, [of.batch for of in found])
            if by_window is not None and name == NO_SHARPENER:
                by_window.add_truth([of.batch for of in forecasts])
        for one, sharpener in sharpeners.items():
            sharpener.require_finite(torch.stack(are_finite[one]))
        for one, verification in verifications.items():
            ensembles = [v for v in verification if isinstance(v, EnsembleVerification)]
            if ensembles and by_window is not None:
                by_window.add_members(one, [v.of_windows() for v in ensembles])
            if ensembles and of_members is not None:
                results = (v.result() for v in ensembles)
                of_members[one] = nested(dict(zip(self.names, results, strict=True)))
        return {
            one: nested(
                {
                    variable: of_variable.metric_values()
                    for variable, of_variable in zip(self.names, found, strict=True)
                }
            )
            for one, found in verifications.items()
        }

    def _verification(
        self, variable: PredictedVariable, judged: MembersJudged | None, *, detail: bool
    ) -> Verification | EnsembleVerification:
        if judged is None:
            return Verification(detail=detail)
        if variable.name not in self._thresholds:
            self._thresholds[variable.name] = training_levels(
                variable.series, self.data.split.train, judged.thresholds
            )
        return EnsembleVerification(self._thresholds[variable.name], detail=detail)

    def field_variation(self) -> FieldVariation:
        """Return how much the truth of the windows varies in time."""
        variations = {name: TruthVariation(self.windows) for name in self.names}
        cells: dict[str, list[torch.Tensor]] = {name: [] for name in self.names}
        for forecasts in self._batches(Persistence.of(self.data)):
            for name, one in zip(self.names, forecasts, strict=True):
                variations[name].add(one.batch, torch.tensor(one.window_B))
                # A copy, so that the rest of the batch is not kept.
                cells[name].append(thinned(one.batch.truth.cells_BTCN[:, 0].flatten(1)).clone())
        return nested(
            {name: one.variation(torch.cat(cells[name]).cpu()) for name, one in variations.items()}
        )

    def _batches(
        self, predictor: Forecaster, seed: int = 0, members: int = 1
    ) -> Iterator[list[WindowForecasts]]:
        """Yield the forecasts of the next windows, of each predicted variable."""
        if isinstance(predictor, nn.Module):
            predictor.eval()
        # Read before the batches, of which each would wait for it.
        times = self._times if isinstance(predictor, MemberForecasting) else ()
        first = 0
        with torch.no_grad():
            for index, (history_BTCHW, future_BTCHW) in enumerate(
                self._windows.in_order(self.batch)
            ):
                window_B = range(first, first + len(history_BTCHW))
                first = window_B.stop
                truths = self._truth(index, future_BTCHW)
                last_known = in_physical_units(
                    self.data, history_BTCHW[:, -1:, : self.data.channels]
                )
                times_B = partial(getitem, times, slice(window_B.start, window_B.stop))
                unit_BKTCHW = forecast_members(predictor, history_BTCHW, times_B, seed, members)
                members_BKTCHW = in_physical_units(self.data, unit_BKTCHW)
                yield [
                    WindowForecasts(
                        one_channel(members_BKTCHW, channel),
                        VerificationBatch(
                            pred_BTCHW=one_channel(members_BKTCHW[:, 0], channel),
                            target_BTCHW=truth.values_BTCHW,
                            persistence_BTCHW=one_channel(last_known, channel).expand_as(
                                truth.values_BTCHW
                            ),
                            mask_HW=truth.mask_HW,
                            climatology=truth.climatology,
                            known_truth=truth,
                            geometry=truth.geometry,
                        ),
                        window_B,
                    )
                    for channel, truth in enumerate(truths)
                ]

    def _truth(self, index: int, future_BTCHW: torch.Tensor) -> list[MaskedField]:
        if index < len(self._truths):
            return self._truths[index]
        values = in_physical_units(self.data, future_BTCHW)
        truths = [
            MaskedField(one_channel(values, channel), mask_HW, climatology, variable.geometry)
            for channel, (variable, mask_HW, climatology) in enumerate(
                zip(self.data.predicted, self._masks, self._climatologies, strict=True)
            )
        ]
        if self._caches:
            self._truths.append(truths)
        return truths


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
