"""The linear forecast against fields whose best linear forecast is known."""

import numpy as np
import pytest
import torch

from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.windows import Windows
from fieldsharp.sweep.trials.linear_forecast import fit_linear_forecast

SETTINGS = DataSettings(path="-", history=2, horizon=2)


def _windows(frames_NHW: torch.Tensor) -> Windows:
    return Windows(
        FramesInMemory(frames_NHW[:, None].float()), torch.arange(len(frames_NHW) - 3), SETTINGS
    )


def _errors(windows: Windows, mask_HW: torch.Tensor) -> torch.Tensor:
    history_BTCHW, future_BTCHW = windows.take(torch.arange(len(windows)))
    forecast = fit_linear_forecast(windows, mask_HW, seed=0)
    return (forecast(history_BTCHW) - future_BTCHW)[..., mask_HW].abs()


def test_noise_that_drifts_a_cell_a_frame_is_forecast_exactly_inside() -> None:
    drift = torch.from_numpy(np.random.default_rng(0).standard_normal((12, 60)))
    frames = torch.stack([drift[:, 40 - t : 52 - t] for t in range(40)])
    windows, mask_HW = _windows(frames), torch.ones(12, 12, dtype=torch.bool)
    history_BTCHW, future_BTCHW = windows.take(torch.arange(len(windows)))
    # From two columns upstream on; at the edge nothing is known of what drifts in.
    inside = torch.zeros_like(mask_HW)
    inside[:, 2:] = True
    forecast = fit_linear_forecast(windows, mask_HW, seed=0)
    error = (forecast(history_BTCHW) - future_BTCHW)[..., inside].abs()
    assert error.mean() < 0.3 < future_BTCHW.std()


def test_an_oscillation_of_each_cell_is_forecast_exactly_under_any_mask() -> None:
    draw = np.random.default_rng(1)
    amplitude, phase = torch.from_numpy(draw.uniform(0.5, 2.0, (2, 9, 11)))
    frames = torch.stack([3 + amplitude * torch.cos(0.7 * t + phase) for t in range(30)])
    mask_HW = torch.from_numpy(draw.random((9, 11)) < 0.6)
    assert _errors(_windows(frames), mask_HW).max() < 1e-4


def test_masked_cells_never_matter() -> None:
    draw = torch.Generator().manual_seed(0)
    frames = torch.rand(30, 9, 9, generator=draw)
    mask_HW = torch.rand(9, 9, generator=draw) < 0.7
    spoilt = torch.where(mask_HW, frames, 1e6)
    assert _errors(_windows(spoilt), mask_HW) == pytest.approx(_errors(_windows(frames), mask_HW))
