"""Every metric's value from outside this code: a library, or the definition written out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import isotonic_regression
from scores import continuous
from scores.categorical import BinaryContingencyManager
from scores.continuous import correlation

from fieldsharp.objectives.metrics import METRICS
from fieldsharp.objectives.verification import verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Fields:
    """A case as NumPy arrays [B, T, C, H, W], and as labelled arrays for scores."""

    pred: Array
    target: Array
    persistence: Array
    usual: Array
    levels: Array
    value_range: float
    mask: Mask

    def labelled(self, values: Array) -> xr.DataArray:
        """As scores wants it: missing where the mask is False."""
        return xr.DataArray(np.where(self.mask, values, np.nan), dims=("b", "t", "c", "y", "x"))

    @property
    def p(self) -> xr.DataArray:
        return self.labelled(self.pred)

    @property
    def t(self) -> xr.DataArray:
        return self.labelled(self.target)

    @property
    def k(self) -> xr.DataArray:
        return self.labelled(self.persistence)

    @property
    def c(self) -> xr.DataArray:
        return self.labelled(np.broadcast_to(self.usual, self.target.shape))

    def frames(self, values: Array) -> Array:
        return values.reshape(-1, *self.mask.shape)


def fields_of(case: VerificationBatch) -> Fields:
    assert case.persistence_BTCHW is not None
    assert case.climatology is not None
    return Fields(
        case.pred_BTCHW.numpy(),
        case.target_BTCHW.numpy(),
        case.persistence_BTCHW.numpy(),
        case.climatology.mean_CHW.numpy(),
        case.climatology.levels_L.numpy(),
        case.climatology.value_range,
        case.mask_HW.numpy(),
    )


def slopes_by_hand(values: Array, mask: Mask) -> Array:
    """Sobel/8 cell by cell: [N, 2]; a cell counts where all nine of its stencil do."""
    found = []
    for frame in values.reshape(-1, *mask.shape):
        for y in range(1, mask.shape[0] - 1):
            for x in range(1, mask.shape[1] - 1):
                if not all(mask[y + i, x + j] for i in (-1, 0, 1) for j in (-1, 0, 1)):
                    continue
                across = [frame[y + i, x + 1] - frame[y + i, x - 1] for i in (-1, 0, 1)]
                down = [frame[y + 1, x + j] - frame[y - 1, x + j] for j in (-1, 0, 1)]
                found.append([(v[0] + 2 * v[1] + v[2]) / 8 for v in (across, down)])
    return np.array(found)


def gradient_by_hand(values: Array, mask: Mask) -> float:
    return float(np.hypot(*slopes_by_hand(values, mask).T).mean())


def forward_gradient_by_hand(values: Array, mask: Mask) -> float:
    """Differences to the right and downwards, at the cells at which Sobel's count."""
    found = []
    for frame in values.reshape(-1, *mask.shape):
        for y in range(1, mask.shape[0] - 1):
            for x in range(1, mask.shape[1] - 1):
                if mask[y - 1 : y + 2, x - 1 : x + 2].all():
                    here = frame[y, x]
                    found.append(math.hypot(frame[y, x + 1] - here, frame[y + 1, x] - here))
    return sum(found) / len(found)


def roughness_by_hand(f: Fields) -> float:
    """Laplacian cell by cell; a cell counts where it and its four neighbours do."""
    squares = []
    for values in (f.pred, f.target):
        found = []
        for frame in values.reshape(-1, *f.mask.shape):
            for y in range(1, f.mask.shape[0] - 1):
                for x in range(1, f.mask.shape[1] - 1):
                    around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
                    if f.mask[y, x] and all(f.mask[at] for at in around):
                        found.append(frame[y, x] - sum(frame[at] for at in around) / 4)
        squares.append(np.mean(np.square(found)))
    return float(10 * np.log10(squares[0] / squares[1]))


def gradient_correlation_by_hand(f: Fields) -> float:
    p, t = slopes_by_hand(f.pred, f.mask), slopes_by_hand(f.target, f.mask)
    return float((p * t).sum() / math.sqrt((p**2).sum() * (t**2).sum()))


def peaks_by_hand(values: Array, mask: Mask) -> list[float]:
    peaks = []
    for frame in values.reshape(-1, *mask.shape):
        highest = -math.inf
        for y, x in np.argwhere(mask):
            highest = max(highest, frame[y, x])
        peaks.append(highest)
    return peaks


def peak_isolation_by_hand(values: Array, mask: Mask) -> float:
    heights = []
    for frame in values.reshape(-1, *mask.shape):
        top = max(((y, x) for y, x in np.argwhere(mask)), key=lambda at: frame[at])
        around = [
            (top[0] + i, top[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)
        ]
        height, width = mask.shape
        near = [at for at in around if 0 <= at[0] < height and 0 <= at[1] < width and mask[at]]
        below = [frame[at] for at in near] if near else frame[mask]
        heights.append(frame[top] - np.mean(below))
    return float(np.mean(heights))


def skill_by_hand(f: Fields, reference: Array) -> float:
    error = (f.pred - f.target)[..., f.mask]
    reference_error = (reference - f.target)[..., f.mask]
    return float(1.0 - np.mean(error**2) / np.mean(reference_error**2))


def region_std_ratio_by_hand(f: Fields) -> float:
    height, width = f.mask.shape
    p, t = f.frames(f.pred - f.usual), f.frames(f.target - f.usual)
    pairs = []
    for row in range(3):
        for column in range(3):
            cells = [
                (y, x)
                for y, x in np.argwhere(f.mask)
                if row * height <= 3 * y < (row + 1) * height
                and column * width <= 3 * x < (column + 1) * width
            ]
            if len(cells) >= 9:
                ys, xs = np.array(cells).T
                pairs.append((np.var(p[:, ys, xs]), np.var(t[:, ys, xs])))
    assert len(pairs) == 8, "the coast leaves one region too few cells"
    quiet = 0.05 * np.mean([observed for _, observed in pairs])
    return max(math.sqrt((p + quiet) / (t + quiet)) for p, t in pairs)


def taper_by_hand(mask: Mask) -> Array:
    """The squared sine of the distance to the nearest cell that is masked or beyond the grid."""
    # The largest number of steps along either axis, as SciPy's chessboard distance counts them.
    distance = ndimage.distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]
    return np.asarray(np.sin(np.pi / 2 * np.minimum(distance, 3) / 3) ** 2)


def about_its_mean(f: Fields, values: Array) -> Array:
    """Anomalies less their mean in each frame, 0 where masked."""
    frames = f.frames(values - f.usual)
    means = np.array([frame[f.mask].mean() for frame in frames])
    return np.asarray(np.where(f.mask, frames - means[:, None, None], 0.0))


def spectra_by_hand(f: Fields) -> tuple[Array, Array, Array]:
    """Power of forecast and truth and their cross-power by shell, from the Fourier sum itself."""
    height, width = f.mask.shape
    longest = max(height, width)
    ky = np.array([k if k < height / 2 else k - height for k in range(height)])
    kx = np.array([k if k < width / 2 else k - width for k in range(width)])
    rows = np.exp(-2j * np.pi * np.outer(ky, np.arange(height)) / height)
    columns = np.exp(-2j * np.pi * np.outer(np.arange(width), kx) / width)
    weight = taper_by_hand(f.mask)
    p, t = (
        rows @ (about_its_mean(f, v) * weight) @ columns / (height * width)
        for v in (f.pred, f.target)
    )
    sums: dict[int, list[float]] = {}
    for i in range(height):
        for j in range(width):
            shell = round(longest * math.hypot(ky[i] / height, kx[j] / width))
            entry = sums.setdefault(shell, [0.0, 0.0, 0.0])
            entry[0] += np.mean(abs(p[:, i, j]) ** 2)
            entry[1] += np.mean(abs(t[:, i, j]) ** 2)
            entry[2] += np.mean((p[:, i, j] * t[:, i, j].conj()).real)
    by_shell = np.array([sums[k] for k in range(len(sums))])
    return by_shell[:, 0], by_shell[:, 1], by_shell[:, 2]


def power_ratio_by_hand(f: Fields, shortest: float, longest: float) -> float:
    power_p, power_t, _ = spectra_by_hand(f)
    shells = range(1, len(power_p))
    band = [k for k in shells if shortest <= max(f.mask.shape) / k < longest]
    return float(10.0 * np.log10(power_p[band].sum() / power_t[band].sum()))


def effective_resolution_by_hand(f: Fields) -> float:
    power_p, power_t, cross = spectra_by_hand(f)
    reached = 1
    for k in range(1, len(power_p)):
        coherence = cross[k] / math.sqrt(power_p[k] * power_t[k])
        if power_p[k] < 0.5 * power_t[k] or coherence < 0.5 or max(f.mask.shape) < 2 * k:
            break
        reached = k
    assert 1 < reached < len(power_p) - 1, "the example must lose the small scales"
    return float(max(f.mask.shape) / reached)


def quantiles_by_hand(values: Array, mask: Mask) -> Array:
    """The mean of the frames' quantiles."""
    return np.asarray(np.quantile(values[..., mask], QUANTILES, axis=-1).mean(axis=(1, 2, 3)))


def fractions_by_hand(frame: Array, mask: Mask) -> Array:
    height, width = mask.shape
    event = mask & (frame > np.quantile(frame[mask], 0.9, method="nearest"))
    fractions = []
    for y, x in np.argwhere(mask):
        around = event[max(y - 2, 0) : min(y + 3, height), max(x - 2, 0) : min(x + 3, width)]
        fractions.append(around.sum() / 25)
    return np.array(fractions)


def fss_by_hand(f: Fields) -> float:
    error = reference = 0.0
    for pred, target in zip(f.frames(f.pred), f.frames(f.target), strict=True):
        p, t = fractions_by_hand(pred, f.mask), fractions_by_hand(target, f.mask)
        error += ((p - t) ** 2).sum()
        reference += (p**2).sum() + (t**2).sum()
    return float(1.0 - error / reference)


def gradient_fss_by_hand(f: Fields) -> float:
    """That of the fields of gradients, which know the cells that have a stencil alone."""
    height, width = f.mask.shape
    inside = np.zeros((height - 2, width - 2), dtype=np.bool_)
    for y, x in np.ndindex(inside.shape):
        inside[y, x] = f.mask[y : y + 3, x : x + 3].all()

    def lengths(values: Array) -> Array:
        field = np.zeros((len(f.frames(values)), *inside.shape))
        slopes = np.hypot(*slopes_by_hand(values, f.mask).T)
        field[:, inside] = slopes.reshape(len(field), -1)
        return field[:, None, None]

    return fss_by_hand(replace(f, pred=lengths(f.pred), target=lengths(f.target), mask=inside))


def potential_crps_by_hand(f: Fields) -> float:
    """The integral over all observations of the error of a fit at each."""
    p, t = f.pred[..., f.mask].ravel(), f.target[..., f.mask].ravel()
    t = t[np.argsort(p)]
    values = np.sort(t)
    crps = 0.0
    for low, high in pairwise(values):
        below = (t <= low).astype(float)
        fit = isotonic_regression(below, increasing=False).x
        crps += (high - low) * float(np.mean((fit - below) ** 2))
    return crps


def potential_skill_by_hand(f: Fields) -> float:
    t = f.target[..., f.mask].ravel()
    return 1.0 - potential_crps_by_hand(f) / float(abs(t[:, None] - t[None]).mean() / 2)


def csi_of_scores(f: Fields, level: int) -> float:
    p, t = (v.where(v.isnull(), v > f.levels[level]) for v in (f.p, f.t))
    return float(BinaryContingencyManager(p, t).transform().critical_success_index())


def ssim_by_hand(f: Fields) -> float:
    cells = np.argwhere(f.mask)
    apart = cells[:, None] - cells[None]
    weight = np.exp(-(apart**2).sum(axis=-1) / (2 * 1.5**2)) * (abs(apart).max(axis=-1) <= 5)
    weight /= weight.sum(axis=1, keepdims=True)
    p, t = f.frames(f.pred)[:, f.mask], f.frames(f.target)[:, f.mask]
    mean_p, mean_t = p @ weight.T, t @ weight.T
    square_p, square_t = (p**2) @ weight.T - mean_p**2, (t**2) @ weight.T - mean_t**2
    covariance = (p * t) @ weight.T - mean_p * mean_t
    c1, c2 = (0.01 * f.value_range) ** 2, (0.03 * f.value_range) ** 2
    levels = (2 * mean_p * mean_t + c1) / (mean_p**2 + mean_t**2 + c1)
    return float(np.mean(levels * (2 * covariance + c2) / (square_p + square_t + c2)))


ORACLES: dict[str, Callable[[Fields], float]] = {
    "gradient": lambda f: gradient_by_hand(f.pred, f.mask),
    "gradient_observed": lambda f: gradient_by_hand(f.target, f.mask),
    "peak": lambda f: float(np.mean(peaks_by_hand(f.pred, f.mask))),
    "peak_observed": lambda f: float(np.mean(peaks_by_hand(f.target, f.mask))),
    "maximum": lambda f: max(peaks_by_hand(f.pred, f.mask)),
    "maximum_observed": lambda f: max(peaks_by_hand(f.target, f.mask)),
    "quantile_999": lambda f: float(quantiles_by_hand(f.pred, f.mask)[-1]),
    "quantile_999_observed": lambda f: float(quantiles_by_hand(f.target, f.mask)[-1]),
    "mean_observed": lambda f: float(np.nanmean(f.t)),
    "rmse": lambda f: float(continuous.rmse(f.p, f.t)),
    "mae": lambda f: float(continuous.mae(f.p, f.t)),
    "bias": lambda f: float(continuous.additive_bias(f.p, f.t)),
    "correlation": lambda f: float(correlation.pearsonr(f.p, f.t)),
    "rmse_persistence": lambda f: float(continuous.rmse(f.k, f.t)),
    "skill_persistence": lambda f: skill_by_hand(f, f.persistence),
    "rmse_climatology": lambda f: float(continuous.rmse(f.c, f.t)),
    "skill_climatology": lambda f: skill_by_hand(f, f.usual),
    "change_ratio": lambda f: float(continuous.rmse(f.p, f.k) / continuous.rmse(f.t, f.k)),
    "anomaly_correlation": lambda f: float(correlation.pearsonr(f.p - f.c, f.t - f.c)),
    "gradient_correlation": gradient_correlation_by_hand,
    "std_ratio": lambda f: float(np.nanstd(f.p - f.c) / np.nanstd(f.t - f.c)),
    "region_std_ratio": region_std_ratio_by_hand,
    "forward_sobel": lambda f: (
        forward_gradient_by_hand(f.pred, f.mask) / gradient_by_hand(f.pred, f.mask)
    ),
    "forward_sobel_observed": lambda f: (
        forward_gradient_by_hand(f.target, f.mask) / gradient_by_hand(f.target, f.mask)
    ),
    "peak_isolation": lambda f: (
        peak_isolation_by_hand(f.pred, f.mask) / peak_isolation_by_hand(f.target, f.mask)
    ),
    "roughness": roughness_by_hand,
    "power_small": lambda f: power_ratio_by_hand(f, 0.0, 4.0),
    "power_middle": lambda f: power_ratio_by_hand(f, 4.0, 8.0),
    "power_large": lambda f: power_ratio_by_hand(f, 8.0, math.inf),
    "effective_resolution": effective_resolution_by_hand,
    "quantile_error": lambda f: float(
        abs(quantiles_by_hand(f.pred, f.mask) - quantiles_by_hand(f.target, f.mask)).mean()
    ),
    "fss_90": fss_by_hand,
    "fss_gradient_90": gradient_fss_by_hand,
    "csi_90": lambda f: csi_of_scores(f, 0),
    "csi_99": lambda f: csi_of_scores(f, 1),
    "ssim": ssim_by_hand,
    "potential_crps": potential_crps_by_hand,
    "potential_skill": potential_skill_by_hand,
}
APPROXIMATE = {"potential_crps": 1e-3, "potential_skill": 1e-3}
"""An integral over observations of which it takes some; ``test_potential_crps.py`` has it exact."""


def test_every_metric_has_an_oracle() -> None:
    assert set(ORACLES) == set(METRICS)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_metric_equals_its_oracle(case: VerificationBatch, name: str) -> None:
    # The power ratios add 1e-12 of the whole power, so that an empty band is no division by zero.
    expected = ORACLES[name](fields_of(case))
    assert verify(case)[name] == pytest.approx(expected, rel=APPROXIMATE.get(name, 1e-9))
