"""What each sharpener computes, beside NumPy and SciPy by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

from fieldsharp.model.registry import SHARPENERS
from fieldsharp.model.sharpeners.fitted import fit_sharpener
from fieldsharp.model.sharpeners.interface import Region
from fieldsharp.objectives.sharpness import mean_gradient

Tensor = torch.Tensor
HEIGHT, WIDTH = 12, 16


@pytest.fixture
def region() -> Region:
    """A field without a coast, in kelvin."""
    return Region(
        torch.ones(HEIGHT, WIDTH, dtype=torch.bool),
        torch.full((1, HEIGHT, WIDTH), 280.0, dtype=torch.float64),
    )


@pytest.fixture
def fields() -> tuple[Tensor, Tensor]:
    draw = np.random.default_rng(4)
    truth = gaussian_filter(draw.normal(size=(20, 2, 1, HEIGHT, WIDTH)), (0, 0, 0, 1, 1)) * 9.0
    blurred = gaussian_filter(truth, (0, 0, 0, 1.2, 1.2)) + 0.2 * draw.normal(size=truth.shape)
    return torch.from_numpy(280.0 + blurred), torch.from_numpy(280.0 + truth)


def test_inflation_multiplies_anomalies(region: Region, fields: tuple[Tensor, Tensor]) -> None:
    pred, truth = (field.numpy() - 280.0 for field in fields)
    factor = np.sqrt((truth[:, 1] ** 2).mean() / (pred[:, 1] ** 2).mean())

    sharpened = fit_sharpener("inflate", region, *fields)(fields[0])

    np.testing.assert_allclose(sharpened[:, 1].numpy(), 280.0 + factor * pred[:, 1], rtol=1e-12)


def test_quantiles_are_mapped_by_interpolation(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    few = fields[0][:8], fields[1][:8]  # 1,536 values a lead: every one is a node
    fitted = fit_sharpener("quantile", region, *few)
    x, y = (np.sort(field[:, 0].numpy().ravel()) for field in few)

    new = fields[0][8:, :1].numpy()
    sharpened = fitted(fields[0][8:])[:, :1].numpy()

    inside = (new >= x[0]) & (new <= x[-1])
    np.testing.assert_allclose(sharpened[inside], np.interp(new[inside], x, y), rtol=1e-12)
    assert not inside.all()
    above, below = new > x[-1], new < x[0]
    np.testing.assert_allclose(sharpened[above], new[above] + (y[-1] - x[-1]), rtol=1e-12)
    np.testing.assert_allclose(sharpened[below], new[below] + (y[0] - x[0]), rtol=1e-12)


def test_the_fitted_forecasts_get_the_distribution_of_the_truth(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    sharpened = fit_sharpener("quantile", region, *fields)(fields[0])

    for lead in range(2):
        found, truth = (np.sort(f[:, lead].numpy().ravel()) for f in (sharpened, fields[1]))
        # Between nodes, and at the thin ends, not exactly.
        np.testing.assert_allclose(found[50:-50], truth[50:-50], atol=0.1)


def test_zeros_of_rain_stay_zeros(fields: tuple[Tensor, Tensor]) -> None:
    mask_HW = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    region = Region(mask_HW, torch.zeros(1, HEIGHT, WIDTH).double())
    rain = tuple((field - 281.0).clamp(min=0.0) for field in fields)
    fitted = fit_sharpener("quantile", region, rain[0], rain[1])

    sharpened = fitted(rain[0])

    assert (rain[0] == 0).any()
    assert (sharpened[rain[0] == 0] == 0).all()
    assert (fitted(rain[0] - 5.0) >= 0).all()


def test_equal_forecasts_are_mapped_to_the_mean_of_their_truth(region: Region) -> None:
    pred = torch.tensor([280.0, 281.0]).repeat_interleave(HEIGHT * WIDTH // 2).double()
    pred = pred.reshape(1, 1, 1, HEIGHT, WIDTH).repeat(4, 1, 1, 1, 1)
    truth = torch.arange(pred.numel(), dtype=torch.float64).reshape(pred.shape)
    half = pred.numel() // 2

    sharpened = fit_sharpener("quantile", region, pred, truth)(pred)

    low, high = (np.unique(sharpened[pred == value].numpy()) for value in (280.0, 281.0))
    np.testing.assert_allclose(low, (half - 1) / 2)
    np.testing.assert_allclose(high, half + (half - 1) / 2)


def _rings() -> np.ndarray:
    ky, kx = np.arange(HEIGHT)[:, None] / HEIGHT, np.arange(WIDTH)[None] / WIDTH
    ring = np.floor(0.5 * WIDTH * np.hypot(ky, kx) + 0.5).astype(int)
    ring[0, 1] = ring[1, 0] = 1
    return ring


@pytest.mark.parametrize("name", ["spectral", "calibrate"])
def test_rings_of_the_cosine_transform_are_scaled(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    pred, truth = (dctn(f[:, 1, 0].numpy() - 280.0, axes=(1, 2), norm="ortho") for f in fields)
    ring, gain = _rings(), np.zeros((HEIGHT, WIDTH))
    for k in range(ring.max() + 1):
        inside = ring == k
        if not inside.any():
            continue
        power, cross = (pred[:, inside] ** 2).sum(), (pred * truth)[:, inside].sum()
        raised = np.sqrt((truth[:, inside] ** 2).sum() / power)
        gain[inside] = raised if name == "spectral" else max(0.0, cross / power)

    sharpened = fit_sharpener(name, region, *fields)(fields[0])

    expected = 280.0 + idctn(pred * gain, axes=(1, 2), norm="ortho")
    np.testing.assert_allclose(sharpened[:, 1, 0].numpy(), expected, rtol=1e-12)


def test_spectral_sharpening_gives_the_power_of_the_truth_to_each_ring(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    sharpened = fit_sharpener("spectral", region, *fields)(fields[0])
    found, truth = (
        dctn(f.numpy() - 280.0, axes=(3, 4), norm="ortho") for f in (sharpened, fields[1])
    )

    for k in range(_rings().max() + 1):
        inside = _rings() == k
        power = (found[..., inside] ** 2).mean(axis=0), (truth[..., inside] ** 2).mean(axis=0)
        np.testing.assert_allclose(power[0].sum(axis=-1), power[1].sum(axis=-1), rtol=1e-9)


def test_a_calibrated_forecast_is_orthogonal_to_its_error(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    bold = 280.0 + 1.6 * (fields[0] - 280.0)

    calibrated = fit_sharpener("calibrate", region, bold, fields[1])(bold)

    for lead in range(2):
        p, o = calibrated[:, lead] - 280.0, fields[1][:, lead] - 280.0
        assert float(((o - p) * p).mean() / (p * p).mean()) == pytest.approx(0.0, abs=1e-9)
    assert (calibrated - fields[1]).square().mean() < (bold - fields[1]).square().mean()


def test_unsharp_masking_adds_what_a_blur_takes_away(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    fitted = fit_sharpener("unsharp", region, *fields)
    width, strength = (float(fitted.parameters[name][0]) for name in ("width", "strength"))
    # Weights are spread over the cells inside the grid, as where the rest is masked.
    field, cells = fields[0][:, 0, 0].numpy() - 280.0, np.ones((HEIGHT, WIDTH))
    radius = int(np.ceil(3 * width))
    settings = {"sigma": width, "mode": "constant", "radius": radius}
    blur = gaussian_filter(field, axes=(1, 2), **settings) / gaussian_filter(cells, **settings)

    sharpened = fitted(fields[0])[:, 0, 0].numpy()

    assert width in (0.7, 1.0, 2.0, 3.0)
    np.testing.assert_allclose(sharpened, 280.0 + field + strength * (field - blur), rtol=1e-12)


def test_unsharp_masking_reaches_the_gradient_of_the_truth(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    smooth = torch.from_numpy(gaussian_filter(fields[1].numpy(), (0, 0, 0, 1.0, 1.0)))

    sharpened = fit_sharpener("unsharp", region, smooth, fields[1])(smooth)

    found, truth = (mean_gradient(f, region.mask_HW).mean(dim=0) for f in (sharpened, fields[1]))
    torch.testing.assert_close(found, truth, rtol=1e-3, atol=0)


def test_unsharp_masking_leaves_a_forecast_that_is_sharp_enough(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    rough = fields[1] + torch.randn(fields[1].shape, generator=torch.Generator().manual_seed(1))

    fitted = fit_sharpener("unsharp", region, rough, fields[1])

    assert fitted.parameters["strength"].tolist() == [0.0, 0.0]


class OnADevice(torch.Tensor):
    """Values that NumPy is not given, as it is not given those of a GPU."""


@pytest.mark.parametrize("floor", [False, True], ids=["anything", "with a floor"])
@pytest.mark.parametrize("coast", [False, True], ids=["no coast", "coast"])
@pytest.mark.parametrize("name", SHARPENERS)
def test_forecasts_are_the_same_on_a_device_without_numpy(
    name: str, coast: bool, floor: bool, fields: tuple[Tensor, Tensor]
) -> None:
    mask_HW = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    if coast:
        mask_HW[:5, :6] = False
    # As of rain: a third of the values are 0, also some of those that are mapped.
    pred, truth = ((field - 280.0).clamp(min=0.0) if floor else field for field in fields)
    usual_CHW = torch.where(mask_HW, truth.mean(dim=(0, 1)), 0.0)
    fitted = fit_sharpener(name, Region(mask_HW, usual_CHW), pred[:12], truth[:12])
    beyond = 1.5 * pred - 0.5 * pred.mean()  # also what lies outside of the fitted range

    on_device, is_finite = fitted.apply(beyond.as_subclass(OnADevice))

    assert type(on_device) is OnADevice
    assert bool(is_finite)
    expected = fitted(beyond)
    torch.testing.assert_close(on_device.as_subclass(Tensor), expected, rtol=1e-12, atol=1e-12)
