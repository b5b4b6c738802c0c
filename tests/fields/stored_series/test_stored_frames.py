"""Frames that are scaled when they are read have the bits of frames held in memory."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fieldsharp.fields.reading import read_series
from fieldsharp.fields.scaling import Scaling, fit_scaling, unit_frames
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.fields.stored_series.stored_frames import StoredFrames
from tests.fields.stored_series.fields_with_gaps import saved, with_gaps


@pytest.mark.parametrize("shift", [0.0, 1e6, -3e-7])
def test_frames_have_the_bits_of_those_in_memory(tmp_path: Path, shift: float) -> None:
    settings = saved(
        tmp_path, (with_gaps() - np.float32(280)) * np.float32(1.7) + np.float32(shift)
    )
    series = read_series(settings)
    stored = read_series(settings, store=SeriesStore(tmp_path / "s", lambda: "a", above_mb=0))
    scaling = fit_scaling(series, range(50))
    assert fit_scaling(stored, range(50)) == scaling
    in_memory_NCHW = unit_frames(series.values_TCHW, series.mask_HW, scaling)

    frames = StoredFrames(stored.values_TCHW, stored.mask_HW, scaling, torch.device("cpu"))

    assert frames.shape == in_memory_NCHW.shape
    index_BT = torch.tensor([[3, 4, 5], [80, 4, 3]])
    found = frames.take(index_BT)
    assert torch.equal(found, in_memory_NCHW[index_BT])
    found += 1.0  # belongs to the caller
    assert torch.equal(frames.take(index_BT), in_memory_NCHW[index_BT])


def test_memory_that_is_not_pinned_is_not_freed_before_a_device_has_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    to = torch.Tensor.to
    waited: list[bool] = []

    def recorded(tensor: torch.Tensor, device: torch.device, *, non_blocking: bool) -> torch.Tensor:
        waited.append(not non_blocking or tensor.is_pinned())
        return to(tensor, device, non_blocking=non_blocking)

    values = np.ones((4, 1, 2, 3), np.float32)
    scaling = Scaling(0.0, 1.0, 0.5)
    frames = StoredFrames(values, np.ones((2, 3), bool), scaling, torch.device("meta"))
    monkeypatch.setattr(torch.Tensor, "to", recorded)

    assert frames.take(torch.tensor([[0, 1]])).device.type == "meta"
    assert waited == [True]
