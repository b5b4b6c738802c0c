"""How much is at which scale, on fields for which one can tell."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.metrics import METRICS
from fieldsharp.objectives.spectral_statistics import (
    effective_resolution,
    largest_deviation_ratio,
    power_observed,
    regional_mean_observed,
    regions_counted,
    wavelengths,
)
from fieldsharp.objectives.verification import Verification, verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Array = NDArray[np.float64]
SIDE = 18
BANDS = ("power_small", "power_middle", "power_large")
REPEATABLE = settings(deadline=None, derandomize=True, max_examples=25)
widths = st.floats(0.3, 4.0)


def case_of(pred: Array, target: Array) -> VerificationBatch:
    """Fields [H, W] or [B, H, W] as departures from a climatology of zeros, all cells valid."""
    p, t = (torch.from_numpy(v.reshape(-1, 1, 1, *v.shape[-2:]).copy()) for v in (pred, target))
    usual = Climatology(torch.zeros_like(t[0, 0]), torch.tensor([1.0, 2.0]).double(), 6.0)
    return VerificationBatch(p, t, None, torch.ones(t.shape[-2:], dtype=torch.bool), usual)


def tensor(mask: NDArray[np.bool_]) -> torch.Tensor:
    return torch.from_numpy(mask.copy())


def judged(pred: Array, target: Array) -> dict[str, float]:
    verification = Verification(with_persistence=False, detail=True)
    verification.add(case_of(pred, target))
    return verification.overall()


def noise(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def wave(cells: float, axis: int = 1, side: int = 24) -> Array:
    return np.asarray(np.cos(2 * np.pi * np.indices((side, side))[axis] / cells))


@REPEATABLE
@given(seed=st.integers(0, 10_000), width=widths)
def test_a_gaussian_blur_never_raises_the_power_of_a_band(seed: int, width: float) -> None:
    """Of fields alike everywhere: one spike beside the edge is blurred to where it weighs more."""
    rough = noise(8, SIDE, SIDE, seed=seed)
    blurred = ndimage.gaussian_filter(rough, (0, width, width), mode="wrap")

    found = judged(blurred, rough)

    assert all(found[band] <= 1e-9 for band in BANDS)


def test_a_blur_takes_more_from_the_smaller_scales() -> None:
    rough = noise(8, 24, 24)
    blurred = ndimage.gaussian_filter(rough, (0, 1.0, 1.0), mode="wrap")

    found = judged(blurred, rough)

    assert found["power_small"] < found["power_middle"] - 3.0 < found["power_large"] - 6.0
    assert found["power_large"] < -0.5
    assert found["effective_resolution"] > 3.0


def test_white_noise_on_a_blurred_field_raises_the_power_of_small_scales() -> None:
    truth = ndimage.gaussian_filter(noise(8, 24, 24), (0, 1.5, 1.5), mode="wrap")
    level = 0.5 * truth.std()

    found = judged(truth + level * noise(8, 24, 24, seed=1), truth)

    assert found["power_small"] > 10.0
    assert found["power_large"] < 1.0


@pytest.mark.parametrize(
    ("cells", "band"),
    [
        (2.0, "power_small"),
        (3.0, "power_small"),
        (4.8, "power_middle"),
        (6.0, "power_middle"),
        (12.0, "power_large"),
        (24.0, "power_large"),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_wave_of_twice_the_amplitude_shows_in_its_own_band(
    cells: float, band: str, axis: int
) -> None:
    """Among noise, which hides the little that the taper spreads over the other shells."""
    truth = noise(48, 48) + wave(cells, axis, side=48)

    found = judged(truth + wave(cells, axis, side=48), truth)

    assert 3.0 < found[band] < 20 * np.log10(2)
    assert all(0.0 <= found[other] < 1.3 for other in BANDS if other != band)


def test_twice_the_contrast_is_six_decibels_and_twice_the_deviation(
    case: VerificationBatch,
) -> None:
    assert case.climatology is not None
    usual = case.climatology.mean_CHW
    doubled = VerificationBatch(
        usual + 2.0 * (case.target_BTCHW - usual),
        case.target_BTCHW,
        None,
        case.mask_HW,
        case.climatology,
    )

    found = verify(doubled)

    assert found["std_ratio"] == pytest.approx(2.0)
    assert 1.9 < found["region_std_ratio"] < 2.0, "damped, so that quiet regions do not count"
    for band in BANDS:
        assert found[band] == pytest.approx(6.0206, abs=1e-4)
    assert found["anomaly_correlation"] == pytest.approx(1.0)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 1), (2, 0)])
def test_twice_the_contrast_in_one_region_of_nine_shows_there(row: int, column: int) -> None:
    truth = noise(20, SIDE, SIDE)
    pred = truth.copy()
    pred[:, 6 * row : 6 * row + 6, 6 * column : 6 * column + 6] *= 2.0

    found = judged(pred, truth)

    assert found["region_std_ratio"] == pytest.approx(np.sqrt(4.05 / 1.05), abs=0.01)
    assert found["std_ratio"] == pytest.approx(np.sqrt(12 / 9), abs=0.02)


def test_a_quiet_region_may_be_noisier_without_being_the_largest() -> None:
    truth = noise(20, SIDE, SIDE)
    truth[:, :6, :6] *= 0.01
    pred = truth.copy()
    pred[:, :6, :6] *= 5.0  # five times next to nothing

    assert judged(pred, truth)["region_std_ratio"] < 1.05


def test_the_forecast_of_another_case_is_as_strong_but_not_correlated() -> None:
    smooth = ndimage.gaussian_filter(noise(2, 60, 24, 24), (0, 0, 1, 1), mode="wrap")

    found = judged(smooth[0], smooth[1])

    assert abs(found["anomaly_correlation"]) < 0.05
    assert abs(found["gradient_correlation"]) < 0.05
    assert found["std_ratio"] == pytest.approx(1.0, abs=0.05)
    assert all(abs(found[band]) < 0.5 for band in BANDS)
    assert found["effective_resolution"] == 24.0


def test_the_effective_resolution_is_where_noise_drowns_the_truth() -> None:
    shared = wave(24) + wave(8) + wave(6)
    quarter_off = np.roll(wave(4), 1, axis=1)  # of the right power, but uncorrelated

    found = judged(shared + quarter_off, shared + wave(4))

    assert found["effective_resolution"] == pytest.approx(24 / 5)  # the shell before that of 4


def test_half_the_power_is_still_resolved_and_less_is_not() -> None:
    longest = torch.tensor([torch.inf, 24.0, 12.0, 8.0])
    truth = torch.tensor([0.0, 1.0, 1.0, 1.0], dtype=torch.float64)

    def resolution(last: float) -> float:
        power = torch.tensor([0.0, 1.0, 1.0, last], dtype=torch.float64)
        return effective_resolution(power, truth, (power * truth).sqrt(), longest).item()

    assert resolution(0.51) == 8.0
    assert resolution(0.49) == 12.0
    assert resolution(50.0) == 8.0


def test_a_scale_beyond_a_lost_one_is_not_resolved() -> None:
    wavelength = torch.tensor([torch.inf, 24.0, 12.0, 8.0])
    power = torch.tensor([0.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    cross = torch.tensor([0.0, 1.0, 0.4, 1.0], dtype=torch.float64)

    assert effective_resolution(power, power, cross, wavelength).item() == 24.0
    assert effective_resolution(power, power, 0.0 * cross, wavelength).item() == 24.0


def test_bands_hold_their_shorter_end_and_never_the_mean() -> None:
    wavelength = torch.tensor([torch.inf, 8.0, 4.0, 2.0])
    ones = torch.ones(4, dtype=torch.float64)
    pred = torch.tensor([1e6, 100.0, 10.0, 1.0], dtype=torch.float64)

    bands = [METRICS[f"power_{band}"] for band in ("small", "middle", "large")]
    found = [band.formula(pred, ones, wavelength).item() for band in bands]

    assert found == pytest.approx([0.0, 10.0, 20.0], abs=1e-4)


def test_a_band_empty_in_both_is_alike_and_in_one_is_a_finite_number() -> None:
    wavelength = torch.tensor([torch.inf, 8.0, 2.0])
    large = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    both = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
    small = METRICS["power_small"].formula

    assert small(large, large, wavelength).item() == 0.0
    assert small(0.0 * large, 0.0 * large, wavelength).item() == 0.0
    assert small(large, both, wavelength).item() == pytest.approx(-115.2, abs=0.1)
    assert small(both, large, wavelength).item() == pytest.approx(115.2, abs=0.1)


@pytest.mark.parametrize(("height", "width"), [(16, 18), (21, 20), (9, 30), (3, 3)])
def test_there_is_a_wavelength_for_every_shell(height: int, width: int) -> None:
    case = case_of(noise(2, height, width), noise(2, height, width, seed=1))

    power = power_observed(case)
    wavelength = wavelengths(case)

    assert power.shape == wavelength.shape
    assert wavelength[0, 0, 0].isinf()
    assert wavelength[0, 0, 1] == max(height, width)


@pytest.mark.parametrize("side", [24, 196, 392])
def test_a_wavelength_at_the_end_of_a_band_is_exact(side: int) -> None:
    """1 / 49 in double precision times 196 is less than 4."""
    field = np.zeros((side, 4))

    wavelength = wavelengths(case_of(field, field))[0, 0]

    assert wavelength[side // 4].item() == 4.0
    assert side % 8 or wavelength[side // 8].item() == 8.0


def test_the_deviation_of_regions_uses_each_mean_of_its_own() -> None:
    zeros, ones = torch.zeros(9, dtype=torch.float64), torch.ones(9, dtype=torch.float64)

    same = largest_deviation_ratio(zeros, ones, 3.0 * ones, 10.0 * ones, ones)

    assert same.item() == pytest.approx(1.0)


def test_a_region_with_too_few_cells_is_left_out() -> None:
    target = torch.zeros(1, 1, 1, SIDE, SIDE, dtype=torch.float64)
    target[..., :6, :6] = 7.0
    usual = Climatology(torch.zeros(1, SIDE, SIDE), torch.tensor([1.0, 2.0]), 7.0)
    mask = torch.ones(SIDE, SIDE, dtype=torch.bool)
    mask[:6, :6] = False
    mask[0, 0:4] = True
    mask[1, 0:4] = True
    few = VerificationBatch(target, target, None, mask, usual)
    assert regional_mean_observed(few).tolist() == [[[0.0] * 10]]
    assert regions_counted(few).tolist() == [[[0.0] + [1.0] * 8 + [0.0]]]

    mask[2, 0] = True  # the ninth
    enough = VerificationBatch(target, target, None, mask, usual)
    assert regional_mean_observed(enough)[0, 0].tolist() == pytest.approx([7.0] + [0.0] * 9)
    assert regions_counted(enough).tolist() == [[[1.0] * 9 + [0.0]]]


def test_where_no_region_has_enough_cells_the_whole_grid_is_one() -> None:
    target = torch.arange(36.0, dtype=torch.float64).reshape(1, 1, 1, 6, 6)
    usual = Climatology(torch.zeros(1, 6, 6), torch.tensor([1.0, 2.0]), 35.0)
    case = VerificationBatch(target, target, None, torch.ones(6, 6, dtype=torch.bool), usual)

    means = regional_mean_observed(case)[0, 0].tolist()
    assert means == pytest.approx([0.0] * 9 + [17.5], rel=1e-12)
    assert regions_counted(case).tolist() == [[[0.0] * 9 + [1.0]]]


def test_frames_with_different_masks_are_judged_region_by_region() -> None:
    """Three masks in one verification: all, only the first row of regions, and a single stencil."""
    pred, target = 2.0 * noise(7, SIDE, SIDE, seed=1), noise(7, SIDE, SIDE)
    pred[:, 6:12, 6:12] *= 3.0
    masks = np.zeros((3, SIDE, SIDE), dtype=np.bool_)
    masks[0] = True
    masks[1, :6] = True
    masks[2, 5:8, 5:8] = True  # in four regions
    parts = [slice(0, 4), slice(4, 6), slice(6, 7)]
    verification = Verification(with_persistence=False)
    for frames, mask in zip(parts, masks, strict=True):
        verification.add(replace(case_of(pred[frames], target[frames]), mask_HW=tensor(mask)))

    variances = []  # frames in which the region counts, variance of both
    for row in range(3):
        for column in range(3):
            region = np.s_[:, 6 * row : 6 * row + 6, 6 * column : 6 * column + 6]
            counts = 6 if row == 0 else 4
            variances.append(
                (counts, np.var(pred[:counts][region]), np.var(target[:counts][region]))
            )
    variances.append((1, np.var(pred[6:, 5:8, 5:8]), np.var(target[6:, 5:8, 5:8])))
    frames_T = [counts for counts, _, _ in variances]
    quiet = 0.05 * np.average([observed for _, _, observed in variances], weights=frames_T)
    expected = [np.sqrt((p + quiet) / (t + quiet)) for _, p, t in variances]
    assert np.argmax(expected) in (4, 9)
    assert verification.overall()["region_std_ratio"] == pytest.approx(max(expected))


def test_the_order_of_masks_does_not_matter() -> None:
    pred, target = 2.0 * noise(4, SIDE, SIDE, seed=1), noise(4, SIDE, SIDE)
    half = torch.ones(SIDE, SIDE, dtype=torch.bool)
    half[6:] = False
    whole = case_of(pred[:2], target[:2])
    cut = replace(case_of(pred[2:], target[2:]), mask_HW=half)

    found = []
    for cases in ([whole, cut], [cut, whole]):
        verification = Verification(with_persistence=False)
        for case in cases:
            verification.add(case)
        found.append(verification.overall()["region_std_ratio"])

    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_the_power_of_an_unmasked_field_is_that_of_pysteps() -> None:
    rapsd = _rapsd()
    target = noise(1, 24, 24)

    power_K = power_observed(case_of(target, target))[0, 0].numpy()

    # Two cells of taper from the edge of the grid: the squared sine of 30, 60 and 90 degrees.
    along = np.array([0.25, 0.75, *[1.0] * 20, 0.75, 0.25])
    weight = np.minimum(along[:, None], along[None])
    spectrum, frequency = rapsd(
        (target[0] - target[0].mean()) * weight, fft_method=np.fft, return_freq=True
    )
    # pysteps has the mean over the wavenumbers of a shell.
    index = np.fft.fftfreq(24) * 24
    shell = np.hypot(index[:, None], index[None]).round().astype(int)
    members = np.bincount(shell.flatten())[: len(spectrum)]
    np.testing.assert_allclose(power_K[: len(spectrum)], spectrum * members / 24**2)
    case = case_of(target, target)
    np.testing.assert_allclose(wavelengths(case)[0, 0, 1 : len(spectrum)], 1.0 / frequency[1:])


def _rapsd() -> Callable[..., tuple[Array, Array]]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        spectral = pytest.importorskip("pysteps.utils.spectral", reason="it has to be compiled")
    return spectral.rapsd  # type: ignore[no-any-return]
