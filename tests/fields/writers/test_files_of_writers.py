"""Files as many writers lay them out are read rightly, or refused for a reason that is right."""

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

import cftime
import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import RawField, read_raw, read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.trials.file_evaluation import evaluate_files
from tests.fields.writers import (
    arrays,
    cesm,
    clocks,
    cmip,
    era5,
    gfs,
    ifs,
    learned,
    mom,
    nemo,
    odd,
    products,
    radar,
    rain,
    reanalysis,
    roms,
    satellite,
    services,
    wrf,
)
from tests.fields.writers.case import Holds, PairCase, Refused, Times, WriterCase
from tests.fields.writers.convention_pairs import PAIRS as CONVENTION_PAIRS
from tests.fields.writers.model_pairs import PAIRS as MODEL_PAIRS

CASES: tuple[WriterCase, ...] = (
    *wrf.CASES,
    *roms.CASES,
    *nemo.CASES,
    *mom.CASES,
    *cmip.CASES,
    *cesm.CASES,
    *era5.CASES,
    *reanalysis.CASES,
    *gfs.CASES,
    *ifs.CASES,
    *services.CASES,
    *learned.CASES,
    *radar.CASES,
    *rain.CASES,
    *satellite.CASES,
    *products.CASES,
    *arrays.CASES,
    *clocks.CASES,
    *odd.CASES,
)
PAIRS: tuple[PairCase, ...] = (*MODEL_PAIRS, *CONVENTION_PAIRS)
of_each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)


def _require(case: WriterCase | PairCase) -> None:
    if case.needs and importlib.util.find_spec(case.needs) is None:
        pytest.skip(f"writing needs {case.needs}")


def _is_numpy(path: Path) -> bool:
    return path.suffix in (".npy", ".npz")


def _settings(path: Path, case: WriterCase) -> DataSettings:
    return DataSettings(path=str(path), variable=case.variable, select=dict(case.select))


def _clock(times: Times) -> list[str]:
    """Return dates as text to the second, with the calendar where it is not the usual one."""
    if np.issubdtype(times.dtype, np.datetime64):
        rounded = times.astype("datetime64[ns]") + np.timedelta64(500, "ms")
        return [str(one) for one in rounded.astype("datetime64[s]")]
    usual = ("standard", "gregorian", "proleptic_gregorian")
    return [
        cftime.datetime.strftime(one, "%Y-%m-%dT%H:%M:%S").strip().zfill(19)
        + ("" if one.calendar in usual else f" {one.calendar}")
        for one in times
    ]


def _same_times(found: Times, expected: Times) -> bool:
    dated = [np.issubdtype(t.dtype, np.datetime64) or t.dtype == object for t in (found, expected)]
    if dated[0] != dated[1]:
        return False
    if dated[0]:
        return _clock(found) == _clock(expected)
    return found.shape == expected.shape and bool(np.allclose(found, expected, rtol=0, atol=1e-6))


def _raw_or_refusal(settings: DataSettings) -> RawField | DataError:
    try:
        return read_raw(settings)
    except DataError as error:
        return error


def _check_refusal(error: DataError, pattern: str, *paths: Path) -> None:
    """Check that a message gives the expected reason, and not by a file's name or its sizes."""
    assert pattern, f"refused wrongly: {error}"
    text = str(error)
    for path in paths:
        text = text.replace(str(path), "FILE")
    text = re.sub(r"[\w-]+=\d+(, [\w-]+=\d+)+", "(sizes)", text)
    assert re.search(pattern, text), f"refused for another reason: {error}"


def _check_time(raw: RawField, holds: Holds) -> None:
    frame_numbers = np.arange(len(holds.values_THW))
    if holds.time is None:
        assert not raw.has_time, f"times of no file: {raw.time[:3]}"
    elif holds.undated_too and not raw.has_time:
        assert _same_times(raw.time, frame_numbers)
    else:
        assert raw.has_time, "the times of the file were not found"
        assert _same_times(raw.time, holds.time), f"{raw.time[:3]} for {holds.time[:3]}"


def _check_values(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    # Packed values are decoded in single precision.
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)


@of_each_case
def test_a_file_is_read_rightly_or_refused_for_the_right_reason(
    case: WriterCase, tmp_path: Path
) -> None:
    _require(case)
    sample = case.write(tmp_path)
    expected = sample.expected
    raw = _raw_or_refusal(_settings(sample.path, case))
    if isinstance(raw, DataError):
        pattern = expected.pattern if isinstance(expected, Refused) else expected.or_refused
        _check_refusal(raw, pattern, sample.path)
        return
    assert isinstance(expected, Holds), (
        f"read as {raw.dims} {raw.values_THW.shape} at {raw.time[:3]}, not refused: "
        f"{expected.because}"
    )
    _check_values(raw.values_THW, expected.values_THW)
    _check_time(raw, expected)
    if not _is_numpy(sample.path):  # which names no dimension
        assert raw.dims[-2:] == expected.dims[1:]
    assert str(raw.array.attrs.get("units", "")).strip() == expected.units


@of_each_case
def test_a_series_holds_the_values_that_were_written(case: WriterCase, tmp_path: Path) -> None:
    _require(case)
    sample = case.write(tmp_path)
    if isinstance(sample.expected, Refused):
        with pytest.raises(DataError):
            read_series(_settings(sample.path, case))
        return
    values_THW = sample.expected.values_THW
    mask_HW = np.isfinite(values_THW).mean(axis=0) >= 0.9
    if not mask_HW.any() or sample.expected.or_refused:
        return  # a series has no cell to hold, or another test looks at what is said
    series = read_series(_settings(sample.path, case))
    np.testing.assert_array_equal(series.mask_HW, mask_HW)
    known_THW = np.isfinite(values_THW) & mask_HW
    found_THW = series.values_TCHW[:, 0]
    _check_values(found_THW[known_THW], values_THW[known_THW])
    assert np.isfinite(found_THW).all()


@of_each_case
def test_the_expectation_agrees_with_xarray(case: WriterCase, tmp_path: Path) -> None:
    _require(case)
    sample = case.write(tmp_path)
    holds = sample.expected
    if isinstance(holds, Refused) or not holds.xarray_reads or _is_numpy(sample.path):
        pytest.skip("nothing that xarray reads by itself")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of xarray about times and several fill values
        engine = "zarr" if sample.path.suffix == ".zarr" else "netcdf4"
        decode_times = bool(holds.xarray_time) or holds.time is None
        with xr.open_dataset(sample.path, engine=engine, decode_times=decode_times) as dataset:
            names = [str(n) for n in dataset.data_vars if dataset[n].ndim >= 3]
            array = dataset[case.variable or names[0]].isel(dict(holds.pick)).squeeze()
            _check_values(array.transpose(*holds.dims).values, holds.values_THW)
            if holds.xarray_time and holds.time is not None:
                along = {dim: holds.pick[dim] for dim in holds.pick}
                times = dataset[holds.xarray_time].isel(along, missing_dims="ignore")
                assert _same_times(times.squeeze().values, holds.time)


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_a_forecast_is_compared_with_a_truth_of_another_writer(
    case: PairCase, tmp_path: Path
) -> None:
    _require(case)
    pair = case.write(tmp_path)
    try:
        evaluation = evaluate_files(
            pair.forecast, pair.truth, case.variable, case.truth_variable, **case.options
        )
    except DataError as error:
        _check_refusal(error, pair.or_refused, pair.forecast, pair.truth)
        return
    assert pair.rmse is not None, f"compared, not refused: rmse {evaluation.metrics['rmse']:g}"
    assert evaluation.metrics["rmse"] == pytest.approx(pair.rmse, rel=1e-4)


def test_at_least_sixty_files_of_twelve_writers_are_among_the_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.writer for case in CASES}) >= 12
    assert len({case.title for case in CASES}) == len(CASES)
