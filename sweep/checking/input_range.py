"""Is the input really in [0, 1], in one unit throughout, and is there enough of it?"""

import numpy as np
import numpy.typing as npt

from fieldsharp.fields.derivatives import interior_mask
from fieldsharp.fields.series import time_text
from fieldsharp.fields.split import window_span
from fieldsharp.fields.windows import breaks_in_time
from fieldsharp.sweep.checking.check import Check, judged
from fieldsharp.sweep.checking.context import CheckContext
from fieldsharp.sweep.checking.unit_jump import largest_unit_jump
from fieldsharp.sweep.engine.preflight import LEAST_INTERIOR_CELLS

MOST_OUTSIDE = 0.05
ROUNDING = 1e-4
MOST_WINDOWS_LOST = 0.5


def check_training_values(subject: CheckContext) -> Check:
    """Check that what the predictor is trained on lies in [0, 1]."""
    values = _unit_values(subject, subject.data.split.train)
    low, high = float(values.min()), float(values.max())
    detail = f"the training frames hold values from {low:.3g} to {high:.3g} of the training range"
    fix = "scale the field to the range of its training frames, once"
    return judged("values in training", detail, fix, ok=low >= -ROUNDING and high <= 1 + ROUNDING)


def check_later_values(subject: CheckContext, part: str) -> Check:
    """Check that a later part of the series keeps to the range of the training part.

    Args:
        subject: What is looked at.
        part: ``validation`` or ``test``.
    """
    split = subject.data.split
    values = _unit_values(subject, split.validation if part == "validation" else split.test)
    outside = float(((values < -ROUNDING) | (values > 1 + ROUNDING)).mean())
    detail = (
        f"{outside:.1%} of the values in the {part} frames lie outside the training range (from "
        f"{float(values.min()):.3g} to {float(values.max()):.3g}; {MOST_OUTSIDE:.0%} are allowed)"
    )
    fix = (
        "look for a change of unit between the parts, or train on a period as varied as the one "
        "that is predicted (data.split)"
    )
    return judged(f"values in {part}", detail, fix, ok=outside <= MOST_OUTSIDE)


def check_level(subject: CheckContext) -> Check:
    """Check that the values do not jump to another order of magnitude somewhere in the series."""
    series = subject.data.series
    jump = largest_unit_jump(series.values_TCHW[..., series.mask_HW])
    if jump is None:
        return Check("level", ok=True, detail="the values keep to one order of magnitude")
    detail = (
        f"from frame {jump.frame} ({time_text(series.time[jump.frame])}) on the values are about "
        f"{jump.factor:.3g} times those before"
    )
    fix = f"bring the frames before and from {jump.frame} on to one unit, or use one part alone"
    return Check("level", ok=False, detail=detail, fix=fix)


def check_units(subject: CheckContext) -> Check:
    """Tell the units of the field; a field without is no fault."""
    series = subject.data.series
    found = f"in {series.units}" if series.units else "in no stated unit"
    low, high = subject.data.scaling.low, subject.data.scaling.high
    detail = f"{series.name} is {found}, {low:.4g} to {high:.4g} in the training frames"
    return Check("units", ok=True, detail=detail)


def check_mask(subject: CheckContext) -> Check:
    """Check that there are cells enough to take gradients at."""
    mask_HW = subject.data.series.mask_HW
    height, width = mask_HW.shape
    interior = int(interior_mask(subject.data.mask_HW).sum())
    detail = (
        f"{1 - float(mask_HW.mean()):.0%} of {height} x {width} cells are masked; {interior} have "
        f"eight valid neighbours ({LEAST_INTERIOR_CELLS} are needed)"
    )
    fix = "choose a field or an area that is known in connected cells, or lower min_valid_share"
    return judged("mask", detail, fix, ok=interior >= LEAST_INTERIOR_CELLS)


def check_time(subject: CheckContext) -> Check:
    """Check that breaks in time and missing frames leave most windows."""
    data, settings = subject.data, subject.config.data
    span = window_span(settings)
    parts = (
        (data.split.train, data.train, settings.train_every),
        (data.split.validation, data.validation, settings.score_every),
        (data.split.test, data.test, settings.score_every),
    )
    possible = sum(len(frames) - span + 1 for frames, _, _ in parts)
    # Of the windows that are left only every so many are kept.
    left = sum(
        min(len(windows) * every, len(frames) - span + 1) for frames, windows, every in parts
    )
    lost = 1 - left / possible
    breaks = int(breaks_in_time(data.series).sum())
    gaps = int((data.series.filled_T > settings.max_filled_share).sum())
    detail = (
        f"{breaks} breaks in time and {gaps} frames with too many gaps cost {lost:.0%} of the "
        f"windows ({MOST_WINDOWS_LOST:.0%} are allowed)"
    )
    fix = (
        "lower data.history, data.horizon or data.stride, raise data.max_filled_share, or give a "
        "more complete series"
    )
    return judged("time", detail, fix, ok=lost <= MOST_WINDOWS_LOST)


def _unit_values(subject: CheckContext, frames: range) -> npt.NDArray[np.float32]:
    """Return the valid cells of some frames as the predictor sees them."""
    unit_NCHW = subject.data.train.frames_NCHW[frames.start : frames.stop]
    return np.asarray(unit_NCHW[..., subject.data.mask_HW].cpu(), dtype=np.float32)
