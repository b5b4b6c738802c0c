"""A change of unit is a jump; weather is not."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from fieldsharp.sweep.checking import input_range
from fieldsharp.sweep.checking.checks import open_context
from fieldsharp.sweep.checking.input_range import UnitJump
from fieldsharp.sweep.configuration.config_file import load_config
from tests.sweep.several_variables import settings_text, write_three_variables

Floats = npt.NDArray[np.float32]


def largest_unit_jump(values_TCN: Floats) -> UnitJump | None:
    """Return the jump of a field of one row."""
    mask_HW = np.ones((1, values_TCN.shape[-1]), bool)
    return input_range.largest_unit_jump(values_TCN[:, :, None], mask_HW)


def _rain(frames: int, wet_share: float, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    amount = rng.gamma(0.5, 4.0, (frames, 1, 40)) * (rng.random((frames, 1, 1)) < wet_share)
    return amount.astype(np.float32)


def test_showers_are_no_jump() -> None:
    assert largest_unit_jump(_rain(200, 0.3)) is None


def test_a_dry_season_before_a_wet_one_is_no_jump() -> None:
    assert largest_unit_jump(np.concatenate([_rain(100, 0.2), _rain(100, 0.7, seed=1)])) is None


@pytest.mark.parametrize("factor", [255.0, 1 / 1000])
def test_another_unit_is_a_jump(factor: float) -> None:
    values = (10 + np.random.default_rng(0).standard_normal((100, 1, 40))).astype(np.float32)
    values[60:] *= np.float32(factor)
    found = largest_unit_jump(values)
    assert found is not None
    assert found.frame == 60
    assert found.factor == pytest.approx(factor, rel=0.05)


def test_kelvin_that_become_degrees_are_a_jump() -> None:
    values = (285 + np.random.default_rng(0).standard_normal((100, 1, 40))).astype(np.float32)
    values[30:] -= np.float32(273.15)
    found = largest_unit_jump(values)
    assert found is not None
    assert found.frame == 30


def test_a_single_frame_has_no_jump() -> None:
    assert largest_unit_jump(np.ones((1, 1, 4), dtype=np.float32)) is None


def test_gaps_of_every_input_are_counted(tmp_path: Path) -> None:
    write_three_variables(tmp_path / "three.nc")
    with xr.open_dataset(tmp_path / "three.nc") as whole:
        holed = whole.load()
    holed["u10"][40:47] = np.nan
    holed.to_netcdf(tmp_path / "holed.nc", engine="h5netcdf")
    (tmp_path / "sweep.yaml").write_text(settings_text(tmp_path / "holed.nc", predict="[t2m]"))
    settings = ["data.inputs=[t2m, u10]"]
    context = open_context(load_config(tmp_path / "sweep.yaml", settings).config)

    detail = input_range.check_time(context).detail

    assert detail.startswith("0 breaks in time and 7 frames with too many gaps cost ")
