"""A change of unit is a jump; weather is not."""

import numpy as np
import numpy.typing as npt
import pytest

from fieldsharp.sweep.checking import input_range
from fieldsharp.sweep.checking.input_range import UnitJump

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
