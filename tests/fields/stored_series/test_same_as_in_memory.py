"""Data that are read from a stored series have the bits of data held in memory."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields import valid_values
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.fields.windows import Pair, Windows
from tests.fields.stored_series.fields_with_gaps import saved, with_gaps


def loaded(settings: DataSettings, folder: Path) -> tuple[ForecastData, ForecastData]:
    """Return data held in memory, and read from a store."""
    store = SeriesStore(folder, lambda: "a", above_mb=0)
    return load_forecast_data(settings), load_forecast_data(settings, store=store)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[ForecastData, ForecastData]:
    return loaded(saved(tmp_path, with_gaps()), tmp_path / "store")


def several(folder: Path, **changed: Any) -> DataSettings:
    """Save three variables of which one begins later, and return settings of all."""
    rng = np.random.default_rng(3)
    time = np.datetime64("2001-01-01", "ns") + np.arange(90) * np.timedelta64(1, "h")
    shape = (90, 8, 9)
    data = xr.Dataset(
        {n: (("time", "y", "x"), rng.standard_normal(shape).astype(np.float32)) for n in "uvw"},
        {"time": time},
    )
    path = folder / "several.zarr"
    data.to_zarr(path, zarr_format=2, consolidated=True)
    chosen = {"inputs": ["u", "v"], "predict": ["u"], "forcings": ["w", "hour_of_day"]}
    return DataSettings.model_validate(
        {"path": str(path), "history": 3, "horizon": 2, **chosen, **changed}
    )


def equal(one: Pair, other: Pair) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_is_read_from_the_file(pair: tuple[ForecastData, ForecastData]) -> None:
    in_memory, stored = pair

    assert isinstance(stored.series.values_TCHW, np.memmap)
    assert (in_memory.train.from_file, stored.train.from_file) == (False, True)


def test_scaling_and_climatology_are_the_same(
    pair: tuple[ForecastData, ForecastData], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory, stored = pair

    assert stored.scaling == in_memory.scaling
    for name in ("mean_CHW", "levels_L"):
        assert torch.equal(getattr(stored.climatology, name), getattr(in_memory.climatology, name))
    assert stored.climatology.value_range == in_memory.climatology.value_range
    assert torch.equal(stored.unit_climatology_CHW, in_memory.unit_climatology_CHW)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_are_the_same(
    pair: tuple[ForecastData, ForecastData], part: str, batch_size: int
) -> None:
    in_memory: Windows = getattr(pair[0], part)
    stored: Windows = getattr(pair[1], part)
    batches = list(stored.in_order(batch_size))

    assert len(batches) == -(-len(in_memory) // batch_size)
    for one, other in zip(in_memory.in_order(batch_size), batches, strict=True):
        assert equal(one, other)
    order = torch.randperm(len(stored), generator=torch.Generator().manual_seed(0))
    parts = torch.split(order, batch_size)
    for which, found in zip(parts, stored.batches(parts), strict=True):
        assert equal(in_memory.take(which), found)


def test_several_variables_are_the_same(tmp_path: Path) -> None:
    in_memory, stored = loaded(several(tmp_path), tmp_path / "store")

    assert len([path for path in (tmp_path / "store").iterdir() if path.is_dir()]) == 3
    assert stored.train.further is not None
    for one, other in zip(in_memory.train.in_order(7), stored.train.in_order(7), strict=True):
        assert one[0].shape[2] == 5, "u, v, w, and sine and cosine of the hour"
        assert equal(one, other)


def test_variables_are_large_together(tmp_path: Path) -> None:
    settings = several(tmp_path)
    each_mb = 90 * 8 * 9 * 4 / 2**20
    for above, from_file in ((2.9, True), (3.0, False)):
        store = SeriesStore(tmp_path / "store", lambda: "a", above_mb=above * each_mb)
        data = load_forecast_data(settings, store=store)
        assert data.train.from_file is from_file


def test_reading_ends_with_its_reader(pair: tuple[ForecastData, ForecastData]) -> None:
    def readers() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one.name.startswith("frames")]

    def interrupted() -> None:
        next(stored.train.in_order(2))
        batches = stored.train.in_order(2)
        next(batches)
        assert len(readers()) == 1, "the first ended when nobody could ask it for more"
        raise KeyboardInterrupt

    _, stored = pair
    with suppress(KeyboardInterrupt):
        interrupted()
    assert not readers()


def test_an_error_of_reading_reaches_the_training(
    pair: tuple[ForecastData, ForecastData], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    _, stored = pair
    monkeypatch.setattr(Windows, "take", fail)
    with pytest.raises(OSError, match="Input/output error"):
        next(stored.train.in_order(2))


def test_data_larger_than_memory_are_refused_only_without_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 40 MB of memory: the field has 20 MB, and its use takes 14 bytes a value, 70 MB."""
    values = np.random.default_rng(0).standard_normal((500, 100, 100)).astype(np.float32)
    settings = saved(tmp_path, values)
    monkeypatch.setattr("fieldsharp.core.memory.available_memory", lambda: 40 * 2**20)

    with pytest.raises(DataError, match="holds 5000000 values and takes up to"):
        load_forecast_data(settings)
    data = load_forecast_data(settings, store=SeriesStore(tmp_path / "s", lambda: "a", above_mb=1))

    assert data.scaling.low == values[: data.split.train.stop].min()


def test_pieces_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 64 frames and 1,048,576 values: here the series has more than one of each."""
    values = np.random.default_rng(0).standard_normal((300, 70, 70)).astype(np.float32)
    assert values.size > valid_values.PIECE_VALUES
    in_memory, stored = loaded(saved(tmp_path, values), tmp_path / "store")

    train = values[: in_memory.split.train.stop].astype(np.float64)
    assert stored.scaling == in_memory.scaling
    assert stored.scaling.fill == pytest.approx(train.mean(), rel=1e-12)
    np.testing.assert_allclose(
        stored.climatology.mean_CHW[0], train.mean(axis=0), rtol=1e-9, atol=1e-12
    )
    assert torch.equal(stored.climatology.mean_CHW, in_memory.climatology.mean_CHW)
    assert torch.equal(stored.climatology.levels_L, in_memory.climatology.levels_L)
