from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.sharpness import mean_gradient, peak
from fieldsharp.objectives.verification import verify
from fieldsharp.objectives.verification_batch import VerificationBatch

SIDE = 12
BORDERED = torch.ones(SIDE + 2, SIDE + 2, dtype=torch.bool)
REPEATABLE = settings(deadline=None, derandomize=True, max_examples=40)
fields = hnp.arrays(np.float64, (SIDE, SIDE), elements=st.floats(-100, 100, width=32))
widths = st.floats(0.3, 4.0)


def as_batch(field_YX: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(field_YX.copy())[None, None, None]


def everywhere(field: torch.Tensor) -> torch.Tensor:
    return torch.ones(field.shape[-2:], dtype=torch.bool)


@REPEATABLE
@given(field_YX=fields, width=widths)
def test_a_gaussian_blur_never_raises_the_gradient(
    field_YX: NDArray[np.float64], width: float
) -> None:
    # One more row and column from the far side, so that the interior is a whole periodic field.
    blurred_YX = ndimage.gaussian_filter(field_YX, width, mode="wrap")
    sharp, blurred = (as_batch(np.pad(f, 1, mode="wrap")) for f in (field_YX, blurred_YX))

    before = mean_gradient(sharp, everywhere(sharp)).item()
    after = mean_gradient(blurred, everywhere(blurred)).item()

    assert after <= before * (1 + 1e-9) + 1e-9


@REPEATABLE
@given(field_YX=fields, width=widths, seed=st.integers(0, 99))
def test_a_gaussian_blur_never_raises_the_peak_over_the_valid_cells(
    field_YX: NDArray[np.float64], width: float, seed: int
) -> None:
    mask_YX = np.random.default_rng(seed).random((SIDE, SIDE)) > 0.3
    mask_YX[0, 0] = True
    # A blur that takes values from valid cells only.
    weight_YX = ndimage.gaussian_filter(mask_YX.astype(float), width)
    blurred_YX = ndimage.gaussian_filter(np.where(mask_YX, field_YX, 0.0), width)
    blurred_YX = np.where(mask_YX, blurred_YX / np.maximum(weight_YX, 1e-12), 1e6)
    mask = torch.from_numpy(mask_YX)

    before = peak(as_batch(np.where(mask_YX, field_YX, 1e6)), mask).item()
    after = peak(as_batch(blurred_YX), mask).item()

    assert after <= before + 1e-9 * max(1.0, abs(before))


def test_a_blur_of_a_rough_field_lowers_both_clearly() -> None:
    rough = np.random.default_rng(0).normal(size=(30, 30))
    sharp, blurred = as_batch(rough), as_batch(ndimage.gaussian_filter(rough, 2.0))

    assert mean_gradient(blurred, everywhere(sharp)) < 0.5 * mean_gradient(sharp, everywhere(sharp))
    assert peak(blurred, everywhere(sharp)) < 0.5 * peak(sharp, everywhere(sharp))


def test_the_gradient_of_a_plane_is_its_slope_beside_a_coast() -> None:
    y, x = np.mgrid[:8, :9].astype(float)
    mask = torch.ones(8, 9, dtype=torch.bool)
    mask[:, :3] = False
    plane = as_batch(np.where(mask.numpy(), 300.0 + 0.6 * x + 0.8 * y, np.nan))

    assert mean_gradient(plane, mask).item() == pytest.approx(1.0)


def test_the_gradient_is_one_number_for_each_sample_and_lead() -> None:
    ramp = torch.arange(6.0, dtype=torch.float64).expand(2, 3, 1, 5, 6).clone()
    ramp[1, 2] *= 4.0

    found = mean_gradient(ramp, everywhere(ramp))

    assert found.tolist() == [[1.0, 1.0, 1.0], [1.0, 1.0, 4.0]]


def test_without_a_whole_stencil_there_is_no_gradient() -> None:
    field = torch.ones(1, 1, 1, 4, 4)
    mask = torch.eye(4, dtype=torch.bool)

    assert mean_gradient(field, mask).isnan().all()


def test_the_peak_is_that_of_each_frame_and_may_be_negative() -> None:
    field = -torch.arange(1.0, 13.0, dtype=torch.float64).reshape(3, 1, 1, 2, 2)
    mask = torch.tensor([[False, True], [True, True]])

    assert peak(field, mask).tolist() == [[-2.0], [-6.0], [-10.0]]


def test_the_peaks_of_channels_are_averaged() -> None:
    field = torch.tensor([1.0, 5.0])[None, None, :, None, None].expand(1, 1, 2, 3, 3)

    assert peak(field, everywhere(field)).item() == 3.0


def ratio_of(field: torch.Tensor, mask: torch.Tensor) -> float:
    return verify(VerificationBatch(field, field, None, mask))["forward_sobel"]


@pytest.mark.parametrize("amplitude", [0.5, 2.0, 20.0])
def test_a_checkerboard_on_a_plane_is_hidden_from_sobel_but_raises_the_ratio(
    amplitude: float,
) -> None:
    y, x = np.mgrid[:10, :11].astype(float)
    plane = 300.0 + 0.6 * x + 0.8 * y
    smooth, rough = as_batch(plane), as_batch(plane + amplitude * (-1.0) ** (x + y))
    # At a cell of either colour both differences move by twice the amplitude, to the same side.
    steps = [np.hypot(0.6 + s * 2 * amplitude, 0.8 + s * 2 * amplitude) for s in (1, -1)]

    assert mean_gradient(smooth, everywhere(smooth)).item() == pytest.approx(1.0)
    assert mean_gradient(rough, everywhere(rough)).item() == pytest.approx(1.0)
    assert ratio_of(smooth, everywhere(smooth)) == pytest.approx(1.0)
    assert ratio_of(rough, everywhere(rough)) == pytest.approx(np.mean(steps))


def test_forward_and_sobel_gradients_are_taken_at_the_same_cells() -> None:
    """A step where no 3 x 3 stencil fits would raise one of them alone."""
    mask = torch.ones(10, 11, dtype=torch.bool)
    mask[2, :3] = False
    field = as_batch(np.mgrid[:10, :11][1].astype(float))
    steep = field.clone()
    steep[..., :2, 0] -= 50.0

    masked = MaskedField(steep, mask, None)

    assert masked.forward_steepness.shape == masked.steepness.shape
    assert ratio_of(steep, mask) == ratio_of(field, mask) == pytest.approx(1.0)


def isolation(field_YX: list[list[float]], mask_YX: list[list[int]] | None = None) -> float:
    field = as_batch(np.array(field_YX, dtype=float))
    mask = everywhere(field) if mask_YX is None else torch.tensor(mask_YX).bool()
    return MaskedField(field, mask, None).peak_isolation_BTC.item()


def test_a_maximum_stands_above_the_mean_of_its_eight_neighbours() -> None:
    assert isolation([[1, 2, 3, 0], [4, 50, 5, 0], [6, 7, 8, 40]]) == 50 - 36 / 8


def test_a_maximum_on_a_coast_or_edge_stands_above_its_valid_neighbours() -> None:
    """Neighbours that are masked or beyond the grid are none, whatever they hold."""
    field = [[9.0, 1.0, 7.0], [3.0, 99.0, 7.0], [7.0, 7.0, 7.0]]

    assert isolation(field, [[1, 1, 1], [1, 0, 1], [1, 1, 1]]) == 9 - (1 + 3) / 2
    assert isolation([[0.0, 0.0, 4.0], [2.0, 1.0, 1.0]]) == 4 - 2 / 3


def test_a_maximum_without_a_valid_neighbour_stands_above_the_field_s_mean() -> None:
    field = [[9.0, 0.0, 1.0], [0.0, 0.0, 2.0]]

    assert isolation(field, [[1, 0, 1], [0, 0, 1]]) == 9 - (9 + 1 + 2) / 3


def test_a_flat_field_has_no_peak_that_stands_alone() -> None:
    assert isolation([[273.1] * 4] * 3) == 0.0
    assert isolation([[273.1]]) == 0.0


def test_the_isolation_of_each_frame_and_channel_is_its_own() -> None:
    frames = np.random.default_rng(4).normal(size=(2, 3, 2, 5, 6))
    mask = torch.ones(5, 6, dtype=torch.bool)
    mask[1:3, 2] = False

    found = MaskedField(torch.from_numpy(frames), mask, None).peak_isolation_BTC

    for at in np.ndindex(2, 3, 2):
        alone = MaskedField(torch.from_numpy(frames[at].copy())[None, None, None], mask, None)
        assert found[at] == alone.peak_isolation_BTC.item()


def test_a_forecast_that_is_no_number_has_no_isolation_either() -> None:
    assert np.isnan(isolation([[1.0, np.nan, 2.0], [3.0, 4.0, 5.0]]))


def test_the_ratio_is_not_raised_by_a_coast() -> None:
    y, x = np.mgrid[:10, :11].astype(float)
    mask = torch.ones(10, 11, dtype=torch.bool)
    mask[:4, :5] = mask[7, 8] = False
    plane = as_batch(np.where(mask.numpy(), 300.0 + 0.6 * x + 0.8 * y, np.nan))

    assert ratio_of(plane, mask) == pytest.approx(1.0)


def test_white_noise_raises_the_ratio_and_a_blur_lowers_it() -> None:
    rng = np.random.default_rng(0)
    field = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 1.5)
    noisy = field + 0.5 * field.std() * rng.normal(size=field.shape)
    blurred = ndimage.gaussian_filter(noisy, 1.5)

    smooth, rough, mild = (
        ratio_of(b, everywhere(b)) for b in map(as_batch, (field, noisy, blurred))
    )

    assert rough > 1.6
    assert smooth < 1.2
    assert mild < smooth


@REPEATABLE
@given(field_YX=fields, width=widths)
def test_a_gaussian_blur_never_raises_the_gradient_by_forward_differences(
    field_YX: NDArray[np.float64], width: float
) -> None:
    # Cells from the far side around it, so that the interior is a whole periodic field.
    blurred_YX = ndimage.gaussian_filter(field_YX, width, mode="wrap")
    sharp, blurred = (
        MaskedField(as_batch(np.pad(f, 1, mode="wrap")), BORDERED, None)
        for f in (field_YX, blurred_YX)
    )

    after, before = blurred.forward_steepness.mean(), sharp.forward_steepness.mean()

    assert after <= before * (1 + 1e-9) + 1e-9
