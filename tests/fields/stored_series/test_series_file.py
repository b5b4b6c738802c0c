"""A stored series has the bits of one that is read into memory."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources import checked_blocks
from fieldsharp.fields.sources.opening import open_field
from fieldsharp.fields.stored_series import series_file
from fieldsharp.fields.stored_series.series_file import VALUES, open_series, write_series
from fieldsharp.fields.stored_series.store import SeriesStore
from tests.fields.stored_series.fields_with_gaps import filled_by_hand, saved, with_gaps


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_blocks, "PIECE_VALUES", 300)
    monkeypatch.setattr(series_file, "BLOCK_VALUES", 500)


def stored(settings: DataSettings, folder: Path) -> FieldSeries:
    series = read_series(settings, store=SeriesStore(folder, lambda: "a", above_mb=0))
    assert isinstance(series.values_TCHW, np.memmap)
    return series


def require_same(found: FieldSeries, expected: FieldSeries) -> None:
    for name in ("values_TCHW", "mask_HW", "filled_T", "time"):
        one, other = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert (found.name, found.units, found.dims) == (expected.name, expected.units, expected.dims)
    assert found.attrs == expected.attrs


@pytest.mark.parametrize("least_share", [0.3, 0.9, 1e-9])
def test_gaps_are_filled_across_the_borders_of_blocks(tmp_path: Path, least_share: float) -> None:
    values = with_gaps()
    settings = saved(tmp_path, values, units="K")
    settings = settings.model_copy(update={"min_valid_share": least_share})

    found = stored(settings, tmp_path / "store")

    filled, mask = filled_by_hand(values, least_share)
    np.testing.assert_array_equal(found.values_TCHW[:, 0], filled)
    np.testing.assert_array_equal(found.mask_HW, mask)
    share = np.isnan(values)[:, mask].mean(axis=1)
    np.testing.assert_array_equal(found.filled_T, share.astype(np.float32))
    require_same(found, read_series(settings))


def test_a_field_without_gaps_is_stored_as_it_is(tmp_path: Path) -> None:
    values = np.random.default_rng(1).standard_normal((40, 5, 6)).astype(np.float32)
    settings = saved(tmp_path, values)

    found = stored(settings, tmp_path / "store")

    np.testing.assert_array_equal(found.values_TCHW[:, 0], values)
    assert found.mask_HW.all()
    assert not found.filled_T.any()
    require_same(found, read_series(settings))


@pytest.mark.parametrize("dims", [("time", "x", "y"), ("y", "x", "time"), ("x", "time", "y")])
def test_a_field_along_other_dimensions_first_is_stored(
    tmp_path: Path, dims: tuple[str, ...]
) -> None:
    values = with_gaps()
    settings = saved(tmp_path, values)
    with xr.open_dataset(str(settings.path)) as dataset:
        dataset.load().transpose(*dims).to_netcdf(tmp_path / "turned.nc", engine="h5netcdf")

    found = stored(
        settings.model_copy(update={"path": str(tmp_path / "turned.nc")}), tmp_path / "store"
    )

    filled, mask = filled_by_hand(values, settings.min_valid_share)
    np.testing.assert_array_equal(found.values_TCHW[:, 0], filled)
    np.testing.assert_array_equal(found.mask_HW, mask)


def test_an_undeclared_fill_value_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    values = np.random.default_rng(1).standard_normal((60, 5, 6)).astype(np.float32)
    values[30:40, 1:3, 2] = -999.0
    settings = saved(tmp_path, values)

    with pytest.raises(DataError, match="looks like a fill value"):
        stored(settings, tmp_path / "store")

    assert [path.name for path in (tmp_path / "store").iterdir()] == ["making.lock"]


def test_values_that_are_judged_missing_at_the_end_are_filled(tmp_path: Path) -> None:
    values = np.random.default_rng(1).standard_normal((60, 5, 6)).astype(np.float32)
    expected = values.copy()
    values[30:40, 1:3, 2] = -999.0
    expected[30:40, 1:3, 2] = expected[29, 1:3, 2]
    settings = saved(tmp_path, values)
    settings = settings.model_copy(update={"min_valid_share": 0.5})
    folder = tmp_path / "series"
    folder.mkdir()

    with open_field(settings) as source:
        source.missing.hints.append(-999.0)  # type: ignore[attr-defined]
        write_series(source, 0.5, folder)
        shape = source.header.shape

    found = open_series(folder, shape, verify=True)
    assert found is not None
    np.testing.assert_array_equal(found.values_THW, expected)
    assert found.filled_T[30:40].tolist() == [np.float32(2 / 30)] * 10


@pytest.mark.parametrize("verify", [True, False])
def test_a_cut_off_file_is_found(tmp_path: Path, *, verify: bool) -> None:
    settings = saved(tmp_path, with_gaps())
    shape = stored(settings, tmp_path / "store").values_TCHW[:, 0].shape
    (folder,) = (path for path in (tmp_path / "store").iterdir() if path.is_dir())
    assert open_series(folder, shape, verify=verify) is not None
    assert open_series(folder, (1, *shape[1:]), verify=verify) is None, "of another shape"

    with (folder / VALUES).open("r+b") as file:
        file.truncate(100)

    assert open_series(folder, shape, verify=verify) is None


def test_a_changed_value_is_found_where_checksums_are_compared(tmp_path: Path) -> None:
    settings = saved(tmp_path, with_gaps())
    shape = stored(settings, tmp_path / "store").values_TCHW[:, 0].shape
    (folder,) = (path for path in (tmp_path / "store").iterdir() if path.is_dir())

    with (folder / VALUES).open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\1")

    assert open_series(folder, shape, verify=True) is None


@pytest.mark.parametrize("name", ["cells.npz", "header.json"])
def test_damaged_facts_are_found(tmp_path: Path, name: str) -> None:
    settings = saved(tmp_path, with_gaps())
    shape = stored(settings, tmp_path / "store").values_TCHW[:, 0].shape
    (folder,) = (path for path in (tmp_path / "store").iterdir() if path.is_dir())

    (folder / name).write_bytes(b"{}" if name == "header.json" else b"PK")

    assert open_series(folder, shape, verify=False) is None


def test_files_that_are_joined_along_time_are_stored_as_they_are_read(tmp_path: Path) -> None:
    values = with_gaps()
    time = np.datetime64("2001-01-01", "ns") + np.arange(len(values)) * np.timedelta64(1, "h")
    data = xr.Dataset({"v": (("time", "y", "x"), values)}, {"time": time})
    for name, frames in (("b", slice(0, 30)), ("a", slice(30, 61)), ("c", slice(61, None))):
        data.isel(time=frames).to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    settings = DataSettings(path=str(tmp_path / "*.nc"), max_filled_share=1.0)

    found = stored(settings, tmp_path / "store")

    filled, mask = filled_by_hand(values, settings.min_valid_share)
    np.testing.assert_array_equal(found.values_TCHW[:, 0], filled)
    np.testing.assert_array_equal(found.mask_HW, mask)
    require_same(found, read_series(settings))
