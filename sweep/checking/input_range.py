"""Input data: values in [0, 1], one unit throughout, enough valid cells and windows."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from fieldsharp.fields.coordinates.valid_times import OF_STARTS
from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.forecast_data import PredictedVariable
from fieldsharp.fields.series import BoolArray, FieldSeries, FloatArray, time_text
from fieldsharp.fields.split import window_span
from fieldsharp.fields.time_steps import breaks_in_time
from fieldsharp.fields.windows import one_channel
from fieldsharp.sweep.checking.context import CheckContext, Finding, finding, of_each
from fieldsharp.sweep.engine.preflight import LEAST_INTERIOR_CELLS

MOST_OUTSIDE = 0.05
ROUNDING = 1e-4
MOST_WINDOWS_LOST = 0.5
FACTOR = 10.0
"""Least ratio of a jump, and of all frames after it to all frames before it."""
NEARLY_ALL = (5.0, 95.0)
"""Percentiles used as the extremes of each side, so that single outlier frames do not count."""
TINY_SHARE = 1e-6
BLOCK_VALUES = 2**22
"""Values that are looked at at a time."""


def check_training_values(context: CheckContext) -> Finding:
    """Check that the training values lie in [0, 1]."""
    frames = context.data.split.train
    return of_each(
        {
            variable.name: _training_values(*_unit_values(context, frames, channel))
            for channel, variable in enumerate(context.data.predicted)
        }
    )


def _training_values(low: float, high: float, _: float) -> Finding:
    detail = f"the training frames hold values from {low:.3g} to {high:.3g} of the training range"
    fix = "scale the field to the range of its training frames, once"
    return finding(detail, fix, ok=low >= -ROUNDING and high <= 1 + ROUNDING)


def check_later_values(context: CheckContext, part: str) -> Finding:
    """Check that ``validation`` or ``test`` stays within the range of the training part."""
    split = context.data.split
    frames = split.validation if part == "validation" else split.test
    return of_each(
        {
            variable.name: _later_values(part, *_unit_values(context, frames, channel))
            for channel, variable in enumerate(context.data.predicted)
        }
    )


def _later_values(part: str, low: float, high: float, outside: float) -> Finding:
    detail = (
        f"{outside:.1%} of the values in the {part} frames lie outside the training range (from "
        f"{low:.3g} to {high:.3g}; {MOST_OUTSIDE:.0%} are allowed)"
    )
    fix = (
        "look for a change of unit between the parts, or train on a period as varied as the one "
        "that is predicted (data.split)"
    )
    return finding(detail, fix, ok=outside <= MOST_OUTSIDE)


def check_level(context: CheckContext) -> Finding:
    """Check that the values do not jump to another order of magnitude somewhere in the series."""
    return of_each({one.name: _level(one.series) for one in context.data.predicted})


def _level(series: FieldSeries) -> Finding:
    jump = largest_unit_jump(series.values_TCHW, series.mask_HW)
    if jump is None:
        return Finding(ok=True, detail="the values keep to one order of magnitude")
    detail = (
        f"from frame {jump.frame} ({time_text(series.time[jump.frame])}) on the values are about "
        f"{jump.factor:.3g} times those before"
    )
    fix = f"bring the frames before and from {jump.frame} on to one unit, or use one part alone"
    return Finding(ok=False, detail=detail, fix=fix)


def check_units(context: CheckContext) -> Finding:
    """Report the units of the field; a field without units passes."""
    data = context.data
    details = []
    for variable in data.predicted:
        series, scaling = variable.series, variable.scaling
        found = f"in {series.units}" if series.units else "in no stated unit"
        details.append(
            f"{series.name} is {found}, {scaling.low:.4g} to {scaling.high:.4g} in the training "
            "frames"
        )
    detail = "; ".join(details)
    if data.inputs:
        inputs = (
            f"{one.name} ({one.units or 'no unit'}) from {one.scaling.low:.4g} to "
            f"{one.scaling.high:.4g}"
            for one in data.inputs
        )
        detail += f"; further inputs are {', '.join(inputs)}"
    if data.geometry is not None:
        detail = "; ".join([detail, *data.geometry.notes])
    return Finding(ok=True, detail=detail)


def check_mask(context: CheckContext) -> Finding:
    """Check that there are enough cells with valid neighbours to compute gradients at."""
    return of_each({one.name: _mask(one) for one in context.data.predicted})


def _mask(variable: PredictedVariable) -> Finding:
    mask_HW = variable.series.mask_HW
    height, width = mask_HW.shape
    interior = int(interior_mask(variable.mask_HW).sum())
    detail = (
        f"{1 - float(mask_HW.mean()):.0%} of {height} x {width} cells are masked; {interior} have "
        f"eight valid neighbours ({LEAST_INTERIOR_CELLS} are needed)"
    )
    fix = "choose a field or an area that is known in connected cells, or lower min_valid_share"
    return finding(detail, fix, ok=interior >= LEAST_INTERIOR_CELLS)


def check_time(context: CheckContext) -> Finding:
    """Check that breaks in time and missing frames leave most windows."""
    data, settings = context.data, context.config.data
    span = window_span(settings)
    parts = (
        (data.split.train, data.train, settings.train_every),
        (data.split.validation, data.validation, settings.score_every),
        (data.split.test, data.test, settings.score_every),
    )
    possible = sum(len(frames) - span + 1 for frames, _, _ in parts)
    # Only every so many windows are used.
    left = sum(
        min(len(windows) * every, len(frames) - span + 1) for frames, windows, every in parts
    )
    lost = 1 - left / possible
    breaks = int(breaks_in_time(data.series).sum())
    gaps = int((data.filled_T > settings.max_filled_share).sum())
    detail = (
        f"{breaks} breaks in time and {gaps} frames with too many gaps cost {lost:.0%} of the "
        f"windows ({MOST_WINDOWS_LOST:.0%} are allowed)"
    )
    if OF_STARTS.items() <= data.series.time_attrs.items():
        detail += (
            "; its dates are those a forecast starts from, with no lead, and taken as they are"
        )
    fix = (
        "lower data.history, data.horizon or data.stride, raise data.max_filled_share, or give a "
        "more complete series"
    )
    return finding(detail, fix, ok=lost <= MOST_WINDOWS_LOST)


def _unit_values(context: CheckContext, frames: range, channel: int) -> tuple[float, float, float]:
    """Return least and most of a variable's valid values, and the share outside [0, 1].

    In some frames, as the predictor sees them.
    """
    windows, mask_HW = context.data.train, context.data.predicted[channel].mask_HW
    every_N = torch.arange(frames.start, frames.stop, device=windows.index_device)
    frames_each = max(1, BLOCK_VALUES // windows.frames.shape[1:].numel())
    low, high, outside, count = math.inf, -math.inf, 0, 0
    for index_N in torch.split(every_N, frames_each):
        unit_NCHW = one_channel(windows.frames.take(index_N[None])[0], channel)
        values = np.asarray(unit_NCHW[..., mask_HW].cpu(), dtype=np.float32)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        outside += int(np.count_nonzero((values < -ROUNDING) | (values > 1 + ROUNDING)))
        count += values.size
    return low, high, outside / count


@dataclass(frozen=True)
class UnitJump:
    """First frame of another level, and the ratio of the values from it on to those before."""

    frame: int
    factor: float


def largest_unit_jump(values_TCHW: FloatArray, mask_HW: BoolArray) -> UnitJump | None:
    """Return where the root mean square of the frames changes its order of magnitude for good.

    Of valid cells in physical units. Intermittent rain is no jump: on each side of a jump the
    frames must be of similar size.
    """
    if len(values_TCHW) < 2:
        return None
    squares = (np.square(frame_CHW[:, mask_HW], dtype=np.float64) for frame_CHW in values_TCHW)
    sizes_T = np.sqrt([square_CN.mean() for square_CN in squares])
    logs_T = np.log(np.maximum(sizes_T, TINY_SHARE * sizes_T.max() + 1e-300))
    frame = int(np.argmax(np.abs(np.diff(logs_T)))) + 1
    before, after = logs_T[:frame], logs_T[frame:]
    upward = bool(np.median(after) > np.median(before))
    lower, upper = (before, after) if upward else (after, before)
    apart = np.percentile(upper, NEARLY_ALL[0]) - np.percentile(lower, NEARLY_ALL[1])
    if apart < np.log(FACTOR):
        return None
    return UnitJump(frame, float(np.exp(np.median(after) - np.median(before))))
