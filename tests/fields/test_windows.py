from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray

from fieldsharp.core.errors import DataError
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.split import window_span
from fieldsharp.fields.windows import Windows
from tests.held_frames import held_frames

FRAMES = 60
Save = Callable[..., DataSettings]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a series and return settings for it: 3 frames of history, 2 ahead."""

    def save_(values_TYX: NDArray[np.float64], **more: object) -> DataSettings:
        path = tmp_path / "clock.npy"
        np.save(path, values_TYX)
        return DataSettings.model_validate(
            {"path": str(path), "history": 3, "horizon": 2, "stride": 1, **more}
        )

    return save_


def clock(frames: int = FRAMES) -> NDArray[np.float64]:
    """A field whose every value is the number of its frame."""
    return np.broadcast_to(np.arange(frames, dtype=float)[:, None, None], (frames, 2, 3)).copy()


def frames_of(data: ForecastData, part: Windows) -> list[list[int]]:
    """The frame numbers of each window, read back from the values themselves."""
    history, future = part.take(torch.arange(len(part)))
    whole = data.scaling.to_physical(torch.cat([history, future], dim=1))[:, :, 0, 0, 0]
    return [[round(v) for v in window] for window in whole.tolist()]


def parts(data: ForecastData) -> list[tuple[Windows, range]]:
    return [
        (data.train, data.split.train),
        (data.validation, data.split.validation),
        (data.test, data.split.test),
    ]


def test_history_and_future_are_the_right_frames_for_a_stride_above_one(save: Save) -> None:
    data = load_forecast_data(save(clock(90), stride=2))

    history, future = data.train.take(torch.tensor([4, 0]))

    assert history.shape == (2, 3, 1, 2, 3)
    assert future.shape == (2, 2, 1, 2, 3)
    frame = data.scaling.to_physical(torch.cat([history, future], dim=1))[:, :, 0, 1, 2]
    assert frame.round().tolist() == [[4, 6, 8, 10, 12], [0, 2, 4, 6, 8]]


@pytest.mark.parametrize("stride", [1, 3])
def test_every_window_of_a_part_is_there_and_none_leaves_it(save: Save, stride: int) -> None:
    settings = save(clock(150), stride=stride)
    data = load_forecast_data(settings)

    for part, allowed in parts(data):
        windows = frames_of(data, part)
        assert [w[0] for w in windows] == list(
            range(allowed.start, allowed.stop - window_span(settings) + 1)
        )
        assert windows[-1][-1] == allowed.stop - 1


def test_training_and_scoring_windows_start_at_every_so_many_frames(save: Save) -> None:
    data = load_forecast_data(save(clock(), train_every=5, score_every=2))

    for part, allowed in parts(data):
        every = 5 if part is data.train else 2
        starts = [w[0] for w in frames_of(data, part)]
        assert starts[0] == allowed.start
        assert set(np.diff(starts).tolist()) <= {every}
        assert starts[-1] + every + 4 > allowed.stop - 1, "no window is left out at the end"


def test_windows_come_in_order_and_whole_whatever_the_batch_size(save: Save) -> None:
    data = load_forecast_data(save(clock()))

    batches = list(data.train.in_order(7))

    assert {len(history) for history, _ in batches[:-1]} == {7}
    assert sum(len(history) for history, _ in batches) == len(data.train)
    every_history, every_future = data.train.take(torch.arange(len(data.train)))
    assert torch.equal(torch.cat([history for history, _ in batches]), every_history)
    assert torch.equal(torch.cat([future for _, future in batches]), every_future)


def test_no_window_straddles_a_break_in_time(humidity: xr.Dataset, tmp_path: Path) -> None:
    day = np.timedelta64(1, "D")
    time = np.datetime64("2001-01-01", "ns") + np.arange(FRAMES) * day
    time[20:] += 3 * day  # frames 17 to 19 are followed by a lack of three days
    path = tmp_path / "broken.nc"
    xr.Dataset({"q": (("time", "y", "x"), clock())}, coords={"time": time}).to_netcdf(
        path, engine="h5netcdf"
    )

    data = load_forecast_data(DataSettings(path=str(path), history=3, horizon=2))

    windows = frames_of(data, data.train)
    assert not [w for w in windows if w[0] <= 19 < w[-1]]
    starts = {w[0] for w in windows}
    assert {15, 20} <= starts, "windows that end or begin at the break are kept"
    assert starts.isdisjoint({16, 17, 18, 19})


def test_no_window_holds_a_frame_with_too_many_filled_gaps(save: Save) -> None:
    values = clock()
    values[10, 1, 0] = np.nan  # one cell of six
    values[20, 1, :2] = np.nan  # two cells of six

    data = load_forecast_data(save(values, max_filled_share=0.2))

    windows = frames_of(data, data.train)
    assert not [w for w in windows if 20 in w]
    assert len([w for w in windows if 10 in w]) == 5
    assert {15, 21} <= {w[0] for w in windows}, "windows beside the poor frame are kept"


def test_a_poor_frame_between_the_frames_of_a_window_does_not_matter(save: Save) -> None:
    values = clock()
    values[20, 1, :2] = np.nan

    data = load_forecast_data(save(values, max_filled_share=0.2, history=2, stride=2))

    starts = {window[0] for window in frames_of(data, data.train)}
    assert {17, 19} <= starts
    assert not starts & {14, 16, 18, 20}


def test_months_of_different_lengths_are_no_breaks_in_time(tmp_path: Path) -> None:
    values = clock(120).astype(np.float32)
    time = np.arange("2000-01", "2010-01", dtype="datetime64[M]").astype("datetime64[ns]")
    path = tmp_path / "monthly.nc"
    xr.Dataset({"v": (("time", "y", "x"), values)}, {"time": time}).to_netcdf(
        path, engine="h5netcdf"
    )

    data = load_forecast_data(DataSettings(path=str(path), history=3, horizon=2))

    assert len(data.train) == data.split.train.stop - 4


def test_a_filled_gap_holds_the_value_known_before_it(save: Save) -> None:
    values = clock()
    values[10, 0, 0] = np.nan

    data = load_forecast_data(save(values))

    assert data.series.values_TCHW[10, 0, 0, 0] == 9.0
    assert data.series.filled_T[10] == pytest.approx(1 / 6)


def test_scaling_is_fitted_on_the_training_frames_alone(save: Save) -> None:
    data = load_forecast_data(save(clock()))

    unit = held_frames(data.train)
    last = data.split.train.stop - 1
    assert (data.scaling.low, data.scaling.high) == (0.0, float(last))
    assert unit[: last + 1].min() == 0.0
    assert unit[: last + 1].max() == 1.0
    assert unit[-1].min() > 1.0


def test_the_climatology_knows_nothing_of_validation_and_test(save: Save) -> None:
    """Guards, losses and events all use it."""
    values = np.random.default_rng(0).normal(size=(FRAMES, 2, 3))
    before = load_forecast_data(save(values))
    last = before.split.train.stop
    values[last:] = 100.0 - 7.0 * values[last:]

    after = load_forecast_data(save(values))

    assert before.split == after.split
    assert last < FRAMES
    assert torch.equal(after.climatology.mean_CHW, before.climatology.mean_CHW)
    assert torch.equal(after.climatology.levels_L, before.climatology.levels_L)
    assert after.climatology.value_range == before.climatology.value_range
    expected = values[:last].astype(np.float32).astype(float).mean(axis=0)
    np.testing.assert_allclose(after.climatology.mean_CHW[0], expected, rtol=1e-6)


def test_masked_cells_enter_the_network_as_the_training_mean(save: Save) -> None:
    values = clock()
    values[:, 1, 1] = np.nan

    data = load_forecast_data(save(values))

    assert data.mask_HW.tolist() == [[True, True, True], [True, False, True]]
    masked = held_frames(data.train)[:, 0, 1, 1]
    torch.testing.assert_close(masked, torch.full_like(masked, 0.5))


def test_a_constant_field_is_refused(save: Save) -> None:
    with pytest.raises(DataError, match=r"'clock' is constant \(4\) in the training frames"):
        load_forecast_data(save(np.full((FRAMES, 2, 3), 4.0)))


def test_too_few_frames_are_refused(save: Save) -> None:
    with pytest.raises(DataError, match="the series has 12 frames, too few"):
        load_forecast_data(save(clock(12)))


def test_a_part_without_a_single_usable_window_is_refused_by_name(save: Save) -> None:
    values = clock()
    values[56, 0] = np.nan  # the test part is frames 53 to 59

    with pytest.raises(DataError, match=r"the test part of clock\.npy \(frames 53 to 59\)"):
        load_forecast_data(save(values, min_valid_share=0.5))
