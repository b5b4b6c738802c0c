"""Events, neighbourhoods, quantiles and structure beside libraries that know no mask."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from scores.spatial import fss_2d_binary

from fieldsharp.fields.masked_statistics import Climatology
from fieldsharp.objectives.structure import either, fraction_error, fraction_reference, hits
from fieldsharp.objectives.verification import verify
from fieldsharp.objectives.verification_batch import VerificationBatch

Array = NDArray[np.float64]
ROWS, COLUMNS = 20, 25


def open_sea(samples: int = 4, seed: int = 0) -> VerificationBatch:
    """Smooth forecasts near the truth on a grid without a masked cell."""
    rng = np.random.default_rng(seed)
    shape = (samples, 2, 1, ROWS, COLUMNS)
    target = ndimage.gaussian_filter(rng.normal(size=shape), (0, 0, 0, 1.5, 1.5))
    error = ndimage.gaussian_filter(rng.normal(size=shape), (0, 0, 0, 1.0, 1.0))
    usual = Climatology(
        torch.zeros(1, ROWS, COLUMNS).double(),
        torch.from_numpy(np.quantile(target, [0.9, 0.99])),
        float(target.max() - target.min()),
    )
    pred, observed = torch.from_numpy(target + 0.5 * error), torch.from_numpy(target)
    return VerificationBatch(
        pred, observed, None, torch.ones(ROWS, COLUMNS, dtype=torch.bool), usual
    )


def highest_tenth(field: torch.Tensor) -> NDArray[np.bool_]:
    values = field.numpy()
    levels = np.quantile(values, 0.9, axis=(-2, -1), keepdims=True, method="nearest")
    return np.asarray(values > levels)


def gradient_lengths(field: torch.Tensor) -> torch.Tensor:
    """Of Sobel/8 by SciPy, on the interior."""
    kernel = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])[None, None, None] / 8
    across, down = (ndimage.correlate(field.numpy(), k) for k in (kernel, kernel.swapaxes(-1, -2)))
    return torch.from_numpy(np.hypot(across, down)[..., 1:-1, 1:-1])


@pytest.fixture(scope="module")
def spatialscores() -> ModuleType:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        found: ModuleType = pytest.importorskip(
            "pysteps.verification.spatialscores", reason="it has to be compiled"
        )
        return found


def test_the_fractions_skill_score_is_that_of_pysteps(spatialscores: ModuleType) -> None:
    case = open_sea()
    score = spatialscores.fss_init(0.5, 5)
    pred, target = (highest_tenth(f).astype(float) for f in (case.pred_BTCHW, case.target_BTCHW))
    for frame_p, frame_t in zip(
        pred.reshape(-1, ROWS, COLUMNS), target.reshape(-1, ROWS, COLUMNS), strict=True
    ):
        spatialscores.fss_accum(score, frame_p, frame_t)

    found = verify(case)["fss_90"]

    assert found == pytest.approx(spatialscores.fss_compute(score), rel=1e-10)
    assert 0.3 < found < 0.95


def test_the_fractions_skill_score_is_that_of_scores() -> None:
    case = open_sea(seed=1)
    # Two cells without events all around: scores takes whole windows only.
    around = [(0, 0)] * 3 + [(2, 2)] * 2
    pred, target = (
        xr.DataArray(np.pad(highest_tenth(f), around), dims=("b", "t", "c", "y", "x"))
        for f in (case.pred_BTCHW, case.target_BTCHW)
    )

    expected = fss_2d_binary(pred, target, window_size=(5, 5), spatial_dims=("y", "x"))

    assert verify(case)["fss_90"] == pytest.approx(float(expected), rel=1e-10)


def test_events_near_by_are_forgiven_and_far_away_are_not() -> None:
    """One event in nine: 5 x 5 neighbourhoods overlap if it is missed by two cells."""
    truth = torch.zeros(1, 1, 1, 21, 21, dtype=torch.float64)
    truth[..., 9:12, 9:12] = torch.arange(1.0, 10.0).reshape(3, 3).double()
    mask = torch.ones(21, 21, dtype=torch.bool)

    def score(shift: int) -> float:
        return verify(VerificationBatch(truth.roll(shift, dims=-1), truth, None, mask))["fss_90"]

    assert score(0) == 1.0
    assert 0.75 < score(1) < 1.0
    assert score(2) < score(1)
    assert score(9) == 0.0


def test_the_fractions_skill_score_of_gradients_is_that_of_scores() -> None:
    case = open_sea(seed=2)
    around = [(0, 0)] * 3 + [(2, 2)] * 2
    pred, target = (
        xr.DataArray(np.pad(highest_tenth(lengths), around), dims=("b", "t", "c", "y", "x"))
        for lengths in (gradient_lengths(f) for f in (case.pred_BTCHW, case.target_BTCHW))
    )

    expected = fss_2d_binary(pred, target, window_size=(5, 5), spatial_dims=("y", "x"))

    found = verify(case)["fss_gradient_90"]
    assert found == pytest.approx(float(expected), rel=1e-10)
    assert 0.2 < found < 0.95


@pytest.mark.parametrize("factor", [0.5, 3.0, -1.0])
def test_the_fractions_skill_score_of_gradients_knows_where_they_are_and_not_how_steep(
    factor: float,
) -> None:
    case = open_sea(seed=2)
    moved = case.pred_BTCHW.roll((7, 9), dims=(-2, -1))

    def score(pred: torch.Tensor) -> float:
        return verify(replace(case, pred_BTCHW=pred))["fss_gradient_90"]

    assert score(4.0 + factor * case.pred_BTCHW) == score(case.pred_BTCHW)
    assert score(moved) < 0.5 * score(case.pred_BTCHW)


def test_an_edge_in_the_wrong_place_is_forgiven_if_it_is_near() -> None:
    """Of a step the gradient is high in two columns of 19; 10 % are fewer, so it rises in steps."""
    truth = torch.zeros(1, 1, 1, 21, 21, dtype=torch.float64)
    truth[..., 10:] = torch.linspace(1.0, 2.0, 21).double()[:, None]
    mask = torch.ones(21, 21, dtype=torch.bool)

    def score(column: int) -> float:
        pred = torch.zeros_like(truth)
        pred[..., column:] = truth[..., 10:11]
        found: float = verify(VerificationBatch(pred, truth, None, mask))["fss_gradient_90"]
        return found

    assert score(10) == 1.0
    assert 0.6 < score(11) < 1.0
    assert score(13) < score(12) < score(11)
    assert score(4) < 0.05


def test_fractions_by_hand() -> None:
    """5 x 5 cells, one event: the middle forecast, the corner observed."""
    pred, target = torch.zeros(2, 1, 1, 1, 5, 5, dtype=torch.float64)
    pred[..., 2, 2] = 1.0
    target[..., 0, 0] = 1.0
    case = VerificationBatch(pred, target, None, torch.ones(5, 5, dtype=torch.bool))

    # Of the forecast every cell sees the event (1/25), of the truth the nine nearest the corner.
    assert fraction_error(case).item() == pytest.approx(16 / 25 / 25**2)
    assert fraction_reference(case).item() == pytest.approx((25 + 9) / 25 / 25**2)
    assert verify(case)["fss_90"] == pytest.approx(1 - 16 / 34)


def test_hits_misses_and_false_alarms_by_hand() -> None:
    """Above 1: two hits, one miss, one false alarm. Above 3: a miss. A value at a level is none."""
    pred = torch.tensor([2.0, 2.5, 1.0, 1.5, 0.0, 3.0]).double().reshape(1, 1, 1, 2, 3)
    target = torch.tensor([2.0, 4.0, 1.5, 0.5, 1.0, 9.9]).double().reshape(1, 1, 1, 2, 3)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    usual = Climatology(torch.zeros(1, 2, 3).double(), torch.tensor([1.0, 3.0]).double(), 4.0)
    case = VerificationBatch(pred, target, None, mask, usual)

    assert hits(case)[0, 0].tolist() == pytest.approx([2 / 5, 0.0])
    assert either(case)[0, 0].tolist() == pytest.approx([4 / 5, 1 / 5])
    found = verify(case)
    assert found["csi_90"] == pytest.approx(0.5)
    assert found["csi_99"] == 0.0


def test_where_nothing_happens_in_either_field_events_are_all_right() -> None:
    case = open_sea()
    assert case.climatology is not None
    calm = replace(
        case, climatology=replace(case.climatology, levels_L=torch.tensor([100.0, 200.0]).double())
    )

    assert verify(calm)["csi_90"] == verify(calm)["csi_99"] == 1.0


def test_a_forecast_in_the_wrong_place_has_the_right_quantiles() -> None:
    case = open_sea()
    moved = replace(case, pred_BTCHW=case.target_BTCHW.roll((7, 9), dims=(-2, -1)))

    found = verify(moved)

    assert found["quantile_error"] == pytest.approx(0.0, abs=1e-12)
    assert found["quantile_999"] == found["quantile_999_observed"]
    assert found["fss_90"] < 0.5
    assert found["csi_90"] < 0.3
    assert found["ssim"] < 0.5


@pytest.mark.parametrize("name", ["fss_90", "fss_gradient_90", "csi_90", "csi_99", "ssim"])
def test_noise_and_blur_lower_every_score_of_structure(name: str) -> None:
    case = open_sea(8)
    truth = case.target_BTCHW
    noise = torch.from_numpy(np.random.default_rng(5).normal(size=truth.shape))
    blurred = torch.from_numpy(ndimage.gaussian_filter(truth.numpy(), (0, 0, 0, 3, 3)))

    def score(pred: torch.Tensor) -> float:
        return verify(replace(case, pred_BTCHW=pred))[name]

    assert score(truth) == pytest.approx(1.0, abs=1e-12)
    assert score(truth + truth.std() * noise) < score(truth + 0.3 * truth.std() * noise) < 0.99
    assert score(blurred) < 0.99
