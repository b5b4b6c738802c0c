"""Builds previews, the data of a trial's pictures, always of the same windows.

Shape legend: B windows, M members, T frames, C channel, L leads of the preview, H rows, W columns,
K shells.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import nn

from fieldsharp.fields.forecast_data import ForecastData, PredictedVariable
from fieldsharp.fields.initial_times import initial_time_keys
from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.time_steps import step_seconds, step_text
from fieldsharp.fields.windows import one_channel
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.objectives.settings import MembersJudged
from fieldsharp.objectives.sharpness import mean_gradient
from fieldsharp.objectives.spectral_statistics import power_observed, power_predicted, wavelengths
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.study.files.previews import (
    DoubleArray,
    FloatArray,
    ForecastPreview,
    MembersPreview,
    ObservedPreview,
)
from fieldsharp.sweep.study.trial_spec import Part
from fieldsharp.sweep.trials.evaluator import batch_size, in_physical_units
from fieldsharp.sweep.trials.member_forecasts import Forecaster, forecast_members
from fieldsharp.sweep.trials.variable_statistics import Batches

LONGEST_SIDE = 256
"""Cells per side of a preview; a picture shows no more."""
SPECTRUM_WINDOWS = 32
MEMBERS_SHOWN = 3
HOUR_S = 3600.0


class PreviewBuilder:
    """Builds previews of the observed field and of forecasts.

    The window shown is the one whose observed gradient at the last lead is the median of all
    windows, by the first predicted variable: a typical one, chosen independently of any forecast.
    """

    def __init__(self, data: ForecastData, part: Part) -> None:
        self._data = data
        self._part = part
        self._windows = data.part(part)
        self._leads = sorted({0, self._windows.settings.horizon - 1})
        self._batch_size = batch_size(self._windows)
        self._stride = -(-max(data.mask_HW.shape) // LONGEST_SIDE)
        self._shown_B = self._median_window()
        count = min(SPECTRUM_WINDOWS, len(self._windows))
        self._spectrum_B = (
            torch.linspace(0, len(self._windows) - 1, count).round().long().to(self._shown_B.device)
        )

    def observed(self) -> ObservedPreview:
        """Return the preview of the observed field, with coordinates and times for the axes."""
        _, future_BTCHW = self._windows.take(self._shown_B)
        shown_BTCHW = in_physical_units(self._data, future_BTCHW)
        batches = list(self._batches(lambda _, __, future_BTCHW: future_BTCHW))
        first, *others = (
            self._observed(
                variable, one_channel(shown_BTCHW, channel), [b[channel] for b in batches]
            )
            for channel, variable in enumerate(self._data.predicted)
        )
        return replace(first, others=tuple(others))

    def _observed(
        self,
        variable: PredictedVariable,
        shown_BTCHW: torch.Tensor,
        batches: Sequence[VerificationBatch],
    ) -> ObservedPreview:
        series, settings = variable.series, self._windows.settings
        geometry = variable.geometry
        first = int(self._windows.starts_B[self._shown_B])
        frames = [first + (settings.history + lead) * settings.stride for lead in self._leads]
        return ObservedPreview(
            part=self._part,
            variable=series.name,
            units=series.units,
            leads=tuple(lead + 1 for lead in self._leads),
            ahead=tuple(_lead_time(series, settings.stride * (lead + 1)) for lead in self._leads),
            times=tuple(_valid_time(series, frame) for frame in frames),
            x_label=series.axis_label(2),
            y_label=series.axis_label(1),
            every=self._stride,
            windows=len(self._spectrum_B),
            values_LHW=self._subsampled(shown_BTCHW),
            mask_HW=np.ascontiguousarray(series.mask_HW[:: self._stride, :: self._stride]),
            x_W=self._coordinate(2),
            y_H=self._coordinate(1),
            power_LK=self._power(power_observed, batches),
            wavelength_K=_as_array(wavelengths(batches[0])[0, 0]),
            per="cell" if geometry is None or geometry.spacing_km_HW is None else "km",
        )

    def forecast(self, predictor: Forecaster) -> ForecastPreview:
        """Return the preview of a predictor's forecast; a module is put into evaluation mode."""
        return self.forecasts(predictor, {})[NO_SHARPENER]

    def forecasts(
        self,
        predictor: Forecaster,
        sharpeners: Mapping[str, FittedSharpener],
        *,
        seed: int = 0,
        members: MembersJudged | None = None,
    ) -> dict[str, ForecastPreview]:
        """Return previews of a forecast as it is, by the name none, and under each sharpener.

        Args:
            predictor: A module is put into evaluation mode.
            sharpeners: By name.
            seed: Of the members of an ensemble.
            members: Of an ensemble that are judged together; None to show a single forecast.
        """
        if isinstance(predictor, nn.Module):
            predictor.eval()

        def forecast(
            index_B: torch.Tensor, history_BTCHW: torch.Tensor, count: int
        ) -> torch.Tensor:
            if members is None:
                return predictor(history_BTCHW)[:, None]
            times_B = partial(initial_time_keys, self._windows, self._data.series, index_B.tolist())
            return forecast_members(predictor, history_BTCHW, times_B, seed, count)

        with torch.no_grad():
            history_BTCHW, _ = self._windows.take(self._shown_B)
            count = 1 if members is None else members.count
            shown_MTCHW = in_physical_units(
                self._data, forecast(self._shown_B, history_BTCHW, count)[0]
            )
            batches = list(
                self._batches(lambda index_B, history, _: forecast(index_B, history, 1)[:, 0])
            )
            as_it_is = [_as_it_is for _ in self._data.predicted]
            steps: dict[str, Sequence[Callable[[torch.Tensor], torch.Tensor]]] = {
                NO_SHARPENER: as_it_is,
                **{name: sharpener.each() for name, sharpener in sharpeners.items()},
            }
            previews = {}
            for name, of_variables in steps.items():
                first, *others = (
                    self._forecast(
                        sharpen, one_channel(shown_MTCHW, channel), [b[channel] for b in batches]
                    )
                    for channel, sharpen in enumerate(of_variables)
                )
                previews[name] = replace(first, others=tuple(others))
            return previews

    def _forecast(
        self,
        sharpen: Callable[[torch.Tensor], torch.Tensor],
        shown_MTCHW: torch.Tensor,
        batches: Sequence[VerificationBatch],
    ) -> ForecastPreview:
        sharpened = (replace(b, pred_BTCHW=sharpen(b.pred_BTCHW)) for b in batches)
        sharpened_MTCHW = sharpen(shown_MTCHW)
        return ForecastPreview(
            values_LHW=self._subsampled(sharpened_MTCHW),
            power_LK=self._power(power_predicted, sharpened),
            members=self._members(sharpened_MTCHW) if len(sharpened_MTCHW) > 1 else None,
        )

    def _members(self, members_MTCHW: torch.Tensor) -> MembersPreview:
        shown = [self._subsampled(one_TCHW[None]) for one_TCHW in members_MTCHW[:MEMBERS_SHOWN]]
        return MembersPreview(
            count=len(members_MTCHW),
            shown_MLHW=np.stack(shown),
            mean_LHW=self._subsampled(members_MTCHW.mean(dim=0, keepdim=True)),
            spread_LHW=self._subsampled(members_MTCHW.std(dim=0, keepdim=True)),
        )

    def _coordinate(self, axis: Literal[1, 2]) -> DoubleArray:
        values = self._data.series.coordinate(axis)
        if values is None:
            values = np.arange(self._data.mask_HW.shape[axis - 1], dtype=np.float64)
        return np.ascontiguousarray(values[:: self._stride])

    def _median_window(self) -> torch.Tensor:
        """Return the index of the window shown, as a tensor of one element."""
        gradients = []
        for _, future_BTCHW in self._windows.in_order(self._batch_size):
            last_BTCHW = one_channel(in_physical_units(self._data, future_BTCHW[:, -1:]), 0)
            mask_HW = self._data.mask_HW.to(last_BTCHW.device)
            gradients.append(mean_gradient(last_BTCHW, mask_HW)[:, 0].cpu())
        ranked_B = torch.cat(gradients).argsort(stable=True)
        return ranked_B[[len(ranked_B) // 2]].to(self._windows.starts_B.device)

    def _batches(
        self, forecast: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> Iterator[Batches]:
        """Yield the windows of the spectra with a forecast from their numbers and frames."""
        for index_B in torch.split(self._spectrum_B, self._batch_size):
            history_BTCHW, future_BTCHW = self._windows.take(index_B)
            target_BTCHW = in_physical_units(self._data, future_BTCHW)
            pred_BTCHW = in_physical_units(
                self._data, forecast(index_B, history_BTCHW, future_BTCHW)
            )
            yield [
                VerificationBatch(
                    pred_BTCHW=one_channel(pred_BTCHW, channel),
                    target_BTCHW=one_channel(target_BTCHW, channel),
                    persistence_BTCHW=None,
                    mask_HW=variable.mask_HW.to(target_BTCHW.device),
                    climatology=variable.climatology,
                )
                for channel, variable in enumerate(self._data.predicted)
            ]

    def _power(
        self,
        power: Callable[[VerificationBatch], torch.Tensor],
        batches: Iterable[VerificationBatch],
    ) -> DoubleArray:
        total_LK = sum(power(batch)[:, self._leads].sum(dim=0) for batch in batches)
        assert isinstance(total_LK, torch.Tensor), "a part has at least one window"
        return _as_array(total_LK / len(self._spectrum_B))

    def _subsampled(self, physical_BTCHW: torch.Tensor) -> FloatArray:
        physical_LHW = physical_BTCHW[0, self._leads, 0]
        subsampled_LHW = physical_LHW[:, :: self._stride, :: self._stride]
        return np.ascontiguousarray(subsampled_LHW.float().cpu().numpy())


def _as_it_is(pred_BTCHW: torch.Tensor) -> torch.Tensor:
    return pred_BTCHW


def _as_array(values: torch.Tensor) -> DoubleArray:
    return np.ascontiguousarray(values.double().cpu().numpy())


def _valid_time(series: FieldSeries, frame: int) -> str:
    time = time_text(series.time[frame])
    return time if series.is_dated else f"at {series.dims[0]} {time}"


def _lead_time(series: FieldSeries, steps: int) -> str:
    """Return the lead time of a number of time steps, in words."""
    months = step_text(series, steps)
    if months is not None:
        return f"{months} ahead"
    hours = steps * step_seconds(series) / HOUR_S
    if not series.is_dated or hours <= 0:
        return f"{steps} step{'s' if steps > 1 else ''} ahead"
    if hours < 1:
        return f"{hours * 60:.3g} min ahead"
    return f"{hours:.3g} h ahead" if hours < 72 else f"{hours / 24:.3g} days ahead"
