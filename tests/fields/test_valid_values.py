"""Statistics in passes over pieces are those of all values at once."""

import numpy as np
import numpy.typing as npt
import pytest

from fieldsharp.fields.valid_values import PIECE_VALUES, mean_of_cells, sum_of, valid_values

Floats = npt.NDArray[np.float32]


def _field(frames: int, height: int = 30, width: int = 41) -> tuple[Floats, npt.NDArray[np.bool_]]:
    rng = np.random.default_rng(frames)
    values_TCHW = (280 + 20 * rng.standard_normal((frames, 1, height, width))).astype(np.float32)
    return values_TCHW, rng.random((height, width)) < 0.7


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("frames", [1, 7, 3000])
def test_pieces_are_all_values_in_order(frames: int, *, masked: bool) -> None:
    values_TCHW, mask_HW = _field(frames)
    mask_HW |= not masked

    pieces = list(valid_values(values_TCHW, mask_HW))

    assert {piece.size for piece in pieces[:-1]} <= {PIECE_VALUES}
    np.testing.assert_array_equal(np.concatenate(pieces), values_TCHW[..., mask_HW].reshape(-1))


@pytest.mark.parametrize("frames", [1, 7, 3000])
def test_a_mean_has_the_bits_of_numpys(frames: int) -> None:
    values_TCHW, mask_HW = _field(frames)

    total, count = 0.0, 0
    for piece in valid_values(values_TCHW, mask_HW):
        total, count = sum_of(piece, total), count + piece.size

    assert total / count == values_TCHW[..., mask_HW].mean(dtype=np.float64)


def test_the_mean_of_each_cell_is_that_of_double_precision() -> None:
    values_TCHW, mask_HW = _field(1000)

    found = mean_of_cells(values_TCHW, mask_HW)

    exact = np.where(mask_HW, values_TCHW.astype(np.longdouble).mean(axis=0), 0.0)
    np.testing.assert_allclose(found, exact.astype(np.float64), rtol=1e-14)


def test_masked_cells_are_not_added() -> None:
    values_TCHW, mask_HW = _field(3)
    values_TCHW[..., ~mask_HW] = np.inf
    values_TCHW[1, :, ~mask_HW] = -np.inf  # whose sum is not a number

    assert (mean_of_cells(values_TCHW, mask_HW)[0, ~mask_HW] == 0).all()
