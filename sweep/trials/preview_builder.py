"""Taking the samples that pictures are drawn from, always of the same windows.

Shape legend: B windows, T frames, C channel, L leads shown, H rows, W columns, K shells.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import torch
from torch import nn

from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.windows import ForecastData
from fieldsharp.objectives.sharpness import mean_gradient
from fieldsharp.objectives.spectral_statistics import power_observed, power_predicted, wavelengths
from fieldsharp.objectives.verification_batch import VerificationBatch
from fieldsharp.sweep.study.files.previews import (
    DoubleArray,
    FloatArray,
    ForecastPreview,
    ObservedPreview,
)
from fieldsharp.sweep.study.trial_spec import Part
from fieldsharp.sweep.trials.evaluator import Forecaster, in_physical_units, windows_at_a_time

LONGEST_SIDE = 256
"""Cells a side of which a picture still shows something."""
WINDOWS_OF_SPECTRA = 32
HOUR_S = 3600.0


class PreviewBuilder:
    """Takes samples of what was observed and of what predictors forecast.

    The window shown is the one whose observed gradient at the last lead is the median of all: a
    usual one, chosen before any forecast is known.

    Args:
        data: What is forecast.
        part: The part of the series the windows are of.
    """

    def __init__(self, data: ForecastData, part: Part) -> None:
        self._data = data
        self._part = part
        self._windows = data.part(part)
        self._leads = sorted({0, self._windows.settings.horizon - 1})
        self._at_a_time = windows_at_a_time(self._windows)
        self._every = -(-max(data.mask_HW.shape) // LONGEST_SIDE)
        self._shown_B = self._usual_window()
        count = min(WINDOWS_OF_SPECTRA, len(self._windows))
        self._spread_B = (
            torch.linspace(0, len(self._windows) - 1, count).round().long().to(self._shown_B.device)
        )

    def observed(self) -> ObservedPreview:
        """Return what was observed, with what the axes of pictures need to know."""
        series, settings = self._data.series, self._windows.settings
        _, future_BTCHW = self._windows.take(self._shown_B)
        first = int(self._windows.starts_B[self._shown_B])
        frames = [first + (settings.history + lead) * settings.stride for lead in self._leads]
        truth_as_forecast = next(self._cases(lambda _, future_BTCHW: future_BTCHW))
        return ObservedPreview(
            part=self._part,
            variable=series.name,
            units=series.units,
            leads=tuple(lead + 1 for lead in self._leads),
            ahead=tuple(_ahead(series, settings.stride * (lead + 1)) for lead in self._leads),
            times=tuple(_valid(series, frame) for frame in frames),
            x_label=series.axis_label(2),
            y_label=series.axis_label(1),
            every=self._every,
            windows=len(self._spread_B),
            values_LHW=self._shown(future_BTCHW),
            mask_HW=np.ascontiguousarray(series.mask_HW[:: self._every, :: self._every]),
            x_W=self._coordinate(2),
            y_H=self._coordinate(1),
            power_LK=self._power(power_observed, lambda _, future_BTCHW: future_BTCHW),
            wavelength_K=_as_array(wavelengths(truth_as_forecast)[0, 0]),
        )

    def sample(self, predictor: Forecaster) -> ForecastPreview:
        """Return what a predictor forecasts; a module is put into evaluation mode."""
        if isinstance(predictor, nn.Module):
            predictor.eval()
        with torch.no_grad():
            history_BTCHW, _ = self._windows.take(self._shown_B)
            return ForecastPreview(
                values_LHW=self._shown(predictor(history_BTCHW)),
                power_LK=self._power(power_predicted, lambda history, _: predictor(history)),
            )

    def _coordinate(self, axis: Literal[1, 2]) -> DoubleArray:
        values = self._data.series.coordinate(axis)
        if values is None:
            values = np.arange(self._data.mask_HW.shape[axis - 1], dtype=np.float64)
        return np.ascontiguousarray(values[:: self._every])

    def _usual_window(self) -> torch.Tensor:
        """Return the index of the window shown, as a tensor of one."""
        gradients = []
        for _, future_BTCHW in self._windows.in_order(self._at_a_time):
            last_BTCHW = in_physical_units(self._data, future_BTCHW[:, -1:])
            mask_HW = self._data.mask_HW.to(last_BTCHW.device)
            gradients.append(mean_gradient(last_BTCHW, mask_HW)[:, 0].cpu())
        ranked_B = torch.cat(gradients).argsort(stable=True)
        return ranked_B[[len(ranked_B) // 2]].to(self._windows.starts_B.device)

    def _cases(
        self, forecast: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> Iterator[VerificationBatch]:
        for which_B in torch.split(self._spread_B, self._at_a_time):
            history_BTCHW, future_BTCHW = self._windows.take(which_B)
            target_BTCHW = in_physical_units(self._data, future_BTCHW)
            yield VerificationBatch(
                pred_BTCHW=in_physical_units(self._data, forecast(history_BTCHW, future_BTCHW)),
                target_BTCHW=target_BTCHW,
                persistence_BTCHW=None,
                mask_HW=self._data.mask_HW.to(target_BTCHW.device),
                climatology=self._data.climatology,
            )

    def _power(
        self,
        power: Callable[[VerificationBatch], torch.Tensor],
        forecast: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> DoubleArray:
        total_LK = sum(power(case)[:, self._leads].sum(dim=0) for case in self._cases(forecast))
        assert isinstance(total_LK, torch.Tensor), "a part has a window"
        return _as_array(total_LK / len(self._spread_B))

    def _shown(self, unit_BTCHW: torch.Tensor) -> FloatArray:
        physical_LHW = in_physical_units(self._data, unit_BTCHW)[0, self._leads, 0]
        thinned_LHW = physical_LHW[:, :: self._every, :: self._every]
        return np.ascontiguousarray(thinned_LHW.float().cpu().numpy())


def _as_array(values: torch.Tensor) -> DoubleArray:
    return np.ascontiguousarray(values.double().cpu().numpy())


def _valid(series: FieldSeries, frame: int) -> str:
    time = time_text(series.time[frame])
    return time if series.is_dated else f"at {series.dims[0]} {time}"


def _ahead(series: FieldSeries, steps: int) -> str:
    """Return how far ahead so many time steps are, in words."""
    hours = steps * series.step_s / HOUR_S
    if not series.is_dated or hours <= 0:
        return f"{steps} step{'s' if steps > 1 else ''} ahead"
    if hours < 1:
        return f"{hours * 60:.3g} min ahead"
    return f"{hours:.3g} h ahead" if hours < 72 else f"{hours / 24:.3g} days ahead"
