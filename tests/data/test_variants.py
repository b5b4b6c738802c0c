from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from data.plumes import PlumeSettings, simulate
from data.variants import Variant, main, vary
from fieldsharp.core.checkout import PROJECT

UK = PROJECT / "data" / "uk_wfde5_hourly_2018_jun_jul.nc"


@pytest.fixture(scope="module")
def plumes() -> xr.Dataset:
    return simulate(PlumeSettings(frames=50, size=20, seed=2))


def test_no_change_keeps_values_and_attributes(plumes: xr.Dataset) -> None:
    same = vary(plumes, "plume", Variant())

    xr.testing.assert_equal(same, plumes)
    assert plumes.attrs.items() <= same.attrs.items()
    assert same["plume"].attrs == plumes["plume"].attrs


def test_the_first_frames_are_kept(plumes: xr.Dataset) -> None:
    xr.testing.assert_equal(vary(plumes, "plume", Variant(frames=30)), plumes.isel(time=slice(30)))


def test_a_coast_takes_its_share_of_the_cells_in_every_frame(plumes: xr.Dataset) -> None:
    whole = plumes.fillna(1.0)
    cut_TYX = vary(whole, "plume", Variant(coast=0.3))["plume"].to_numpy()

    missing_TYX = np.isnan(cut_TYX)
    assert missing_TYX[0].mean() == 0.3
    assert (missing_TYX == missing_TYX[0]).all()
    kept = ~missing_TYX
    np.testing.assert_array_equal(cut_TYX[kept], whole["plume"].to_numpy()[kept])


def test_a_trend_rises_by_its_standard_deviations_and_spares_the_first_frame(
    plumes: xr.Dataset,
) -> None:
    before_TYX = plumes["plume"].to_numpy()
    rise_TYX = vary(plumes, "plume", Variant(trend=2.0))["plume"].to_numpy() - before_TYX

    land = np.isfinite(before_TYX[0])
    spread = before_TYX[:, land].std(axis=0).mean()
    np.testing.assert_allclose(rise_TYX[0, land], 0.0)
    np.testing.assert_allclose(rise_TYX[-1, land], 2.0 * spread, rtol=1e-4)
    np.testing.assert_allclose(rise_TYX[:, land].std(axis=1), 0.0, atol=1e-3)


def test_an_offset_is_added_to_every_value(plumes: xr.Dataset) -> None:
    varied = vary(plumes, "plume", Variant(offset=1000.0))

    np.testing.assert_allclose(varied["plume"], plumes["plume"] + 1000.0, rtol=1e-7)


def test_bad_variant_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^coast must lie in 0\.0 to 0\.9, found 1\.0"):
        Variant(coast=1.0)


@pytest.mark.parametrize(
    ("name", "variant", "words"),
    [
        ("plum", Variant(), "there is no variable 'plum' in the file: it has plume"),
        ("plume", Variant(frames=51), "frames must be at most the 50 of the file, found 51"),
    ],
)
def test_what_does_not_fit_the_file_is_refused(
    plumes: xr.Dataset, name: str, variant: Variant, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        vary(plumes, name, variant)


def test_command_line_keeps_the_licence_of_the_real_data(tmp_path: Path) -> None:
    path = tmp_path / "varied.nc"

    asked = [str(UK), "-o", str(path), "--variable", "Qair", "--frames", "48", "--coast", "0.4"]
    assert main(asked) == 0

    with xr.open_dataset(UK, engine="h5netcdf") as before, xr.open_dataset(path) as after:
        assert after.attrs["licence"] == before.attrs["licence"]
        assert after.attrs["reference"] == before.attrs["reference"]
        assert after.attrs["variant"] == "data/variants.py: frames 48, coast 0.4 changed"
        np.testing.assert_array_equal(after["time"], before["time"][:48])
        assert int(after["Qair"][0].notnull().sum()) < int(before["Qair"][0].notnull().sum())


def test_command_line_refuses_what_is_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "no.nc"), "-o", str(tmp_path / "x.nc"), "--variable", "Qair"])

    assert stop.value.code == 2
    assert "name a netCDF4 file" in capsys.readouterr().err
