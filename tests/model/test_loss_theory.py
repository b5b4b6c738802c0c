"""What a term can and cannot do to the optimum, where the future is uncertain."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from fieldsharp.fields.derivatives import sobel
from fieldsharp.fields.spectrum import shell_sums, shells, transform
from fieldsharp.model.losses.derivatives import (
    gradient_l1,
    laplacian_mse,
    multiscale_mse,
    sobel_mse,
)
from fieldsharp.model.losses.forecast_loss import LossTerm, Term
from fieldsharp.model.losses.pointwise import l1, mse
from fieldsharp.model.registry import LOSS_VARIANTS

Tensor = torch.Tensor
LINEAR_IN_THE_SQUARE = {
    "mse": mse,
    "sobel": sobel_mse,
    "laplacian": laplacian_mse,
    "multiscale": multiscale_mse,
}


# Squares of linear filters: the gradient of the expected loss at the conditional mean.


def skewed_targets(count: int = 7) -> Tensor:
    draw = torch.Generator().manual_seed(8)
    return torch.randn(count, 1, 1, 12, 13, generator=draw, dtype=torch.float64).exp()


def shifted_blobs() -> Tensor:
    """The same blob at two places: what an uncertain wind leaves open."""
    y, x = torch.meshgrid(
        torch.arange(24, dtype=torch.float64), torch.arange(24, dtype=torch.float64), indexing="ij"
    )
    blobs = [torch.exp(-((y - 12) ** 2 + (x - centre) ** 2) / 8) for centre in (9, 15)]
    return torch.stack(blobs)[:, None, None]


def gradient_of_the_expected_loss(
    loss: Callable[[Tensor, Tensor, Tensor], Tensor], forecast: Tensor, targets: Tensor
) -> Tensor:
    mask_HW = torch.ones(targets.shape[-2:], dtype=torch.bool)
    forecast = forecast.clone().requires_grad_()
    expected_loss = loss(forecast.expand_as(targets), targets, mask_HW).mean()
    (slope,) = torch.autograd.grad(expected_loss, forecast)
    return slope


@pytest.mark.parametrize("name", LINEAR_IN_THE_SQUARE)
@pytest.mark.parametrize("targets", [skewed_targets(), shifted_blobs()], ids=["skewed", "blobs"])
def test_the_mean_of_the_targets_is_the_optimum_of_a_squared_linear_filter(
    name: str, targets: Tensor
) -> None:
    term = LINEAR_IN_THE_SQUARE[name]
    mean = targets.mean(dim=0, keepdim=True)

    at_mean = gradient_of_the_expected_loss(term, mean, targets)
    at_truth = gradient_of_the_expected_loss(term, targets[:1], targets)

    assert at_truth.abs().max() > 1e-5  # one of the sharp truths is no optimum
    assert at_mean.abs().max() < 1e-15


@pytest.mark.parametrize("name", ["sobel", "laplacian", "multiscale"])
@pytest.mark.parametrize("weight", [0.1, 1.0, 1000.0])
def test_a_linear_term_cannot_move_the_optimum_at_any_weight(name: str, weight: float) -> None:
    targets, term = shifted_blobs(), LINEAR_IN_THE_SQUARE[name]

    def total(pred: Tensor, target: Tensor, mask_HW: Tensor) -> Tensor:
        return mse(pred, target, mask_HW) + weight * term(pred, target, mask_HW)

    slope = gradient_of_the_expected_loss(total, targets.mean(dim=0, keepdim=True), targets)

    assert slope.abs().max() < 1e-15 * max(1.0, weight)


@pytest.mark.parametrize("term", [l1, gradient_l1])
def test_the_mean_is_not_the_optimum_of_an_absolute_difference(term: LossTerm) -> None:
    targets = skewed_targets()

    slope = gradient_of_the_expected_loss(term, targets.mean(dim=0, keepdim=True), targets)

    assert slope.abs().max() > 1e-4


# All variants beside the mean square error, minimised over all forecasts of a toy: a blob of which
# it is only known where it is likely to be, to two cells along x.

SIZE = 16
LAND_HW = torch.ones(SIZE, SIZE, dtype=torch.bool)
EXACT = ["none", "sobel", "laplacian", "multiscale"]


def blobs() -> Tensor:
    """Eleven truths, as likely as each other."""
    y, x = torch.meshgrid(
        torch.arange(SIZE, dtype=torch.float64),
        torch.arange(SIZE, dtype=torch.float64),
        indexing="ij",
    )
    shares = (torch.arange(11, dtype=torch.float64) + 0.5) / 11
    centres = 8.0 + 2.0 * torch.special.ndtri(shares)
    distances = [(y - 8.0) ** 2 + (x - centre) ** 2 for centre in centres]
    return torch.stack([0.1 + 0.8 * torch.exp(-d / 5.0) for d in distances])[:, None, None]


def level_CHW() -> Tensor:
    """The climatology of a place like any other: the same everywhere."""
    return blobs().mean().expand(1, SIZE, SIZE)


def best_forecast(
    variant: str, weight: float = 1.0, base: float = 1.0, own_weight: bool = False
) -> Tensor:
    """Return the forecast of lowest expected loss that is found from the conditional mean.

    Args:
        variant: The term beside the mean square error.
        weight: 1 is as strong as the mean square error of the conditional mean.
        base: Weight of the mean square error.
        own_weight: Whether ``weight`` multiplies the term as it is.
    """
    truths = blobs()
    term = Term(variant, level_CHW())
    mean = truths.mean(dim=0, keepdim=True)
    plain, own = (
        float(loss.mean())
        for loss in (
            mse(mean.expand_as(truths), truths, LAND_HW),
            term(mean.expand_as(truths), truths, LAND_HW, 0.5),
        )
    )
    scale = 1.0 if own_weight or own == 0.0 else plain / own
    forecast = mean.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([forecast], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        pred = forecast.expand_as(truths)
        term_B = term(pred, truths, LAND_HW, 0.5)
        total = (base * mse(pred, truths, LAND_HW) + weight * scale * term_B).mean()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return forecast.detach()


def steepness(field: Tensor) -> float:
    """Return the root mean square slope."""
    gx, gy = sobel(field)
    return float((gx * gx + gy * gy).mean().sqrt())


def sharpening(forecast: Tensor) -> float:
    """Return how steep a forecast is beside the conditional mean."""
    return steepness(forecast) / steepness(blobs().mean(dim=0, keepdim=True))


def test_the_truth_of_the_toy_is_sharper_than_its_mean() -> None:
    assert sharpening(blobs()) > 1.4


@pytest.mark.parametrize("variant", EXACT)
@pytest.mark.parametrize("weight", [1.0, 100.0])
def test_the_optimum_of_a_linear_term_is_the_conditional_mean(variant: str, weight: float) -> None:
    forecast = best_forecast(variant, weight)

    torch.testing.assert_close(forecast, blobs().mean(dim=0, keepdim=True), rtol=1e-4, atol=1e-5)


def test_the_focal_weight_moves_the_optimum_hardly_from_the_conditional_mean() -> None:
    assert sharpening(best_forecast("focal_frequency")) == pytest.approx(1.0, abs=0.01)


# Not "gradient" and "quantile", which do not sharpen in themselves: a median and a bias move the
# slopes of this skewed toy all the same.
@pytest.mark.parametrize("variant", [n for n, v in LOSS_VARIANTS.items() if v.sharpens])
def test_what_is_said_to_sharpen_has_an_optimum_sharper_than_the_conditional_mean(
    variant: str,
) -> None:
    assert sharpening(best_forecast(variant)) > 1.005


@pytest.mark.parametrize(
    ("variant", "least"),
    [
        ("amse", 1.15),
        ("amse_mix", 1.4),
        ("sorted", 1.35),
        ("gradient_magnitude", 1.1),
        ("gdl2", 1.05),
        ("extremes", 1.25),
    ],
)
def test_strong_terms_sharpen_strongly(variant: str, least: float) -> None:
    own_weight = variant == "amse_mix"  # almost 0 at the conditional mean, as it is for persistence

    found = sharpening(best_forecast(variant, own_weight=own_weight))

    assert least < found < 1.1 * sharpening(blobs())


def test_the_mix_goes_steadily_from_the_plain_to_the_adjusted_mean_square_error() -> None:
    weights = [0.0, 0.25, 0.5, 0.75, 1.0]
    found = [sharpening(best_forecast("amse_mix", w, own_weight=True)) for w in weights]

    assert found[0] == pytest.approx(1.0)
    assert all(later > 1.03 * earlier for earlier, later in pairwise(found))
    adjusted = sharpening(best_forecast("amse", base=0.0))
    assert found[-1] == pytest.approx(adjusted, rel=0.01)


def test_the_optimum_of_the_adjusted_error_has_the_power_of_the_truth_at_each_scale() -> None:
    shell_HW = shells(SIZE, SIZE)

    def power(field: Tensor) -> Tensor:
        square = transform(field - level_CHW()).abs() ** 2 / SIZE**2
        return shell_sums(square, shell_HW).mean(dim=(0, 1, 2))[1:5]

    truth = power(blobs())
    adjusted = power(best_forecast("amse", base=0.0)) / truth
    mean = power(blobs().mean(dim=0, keepdim=True)) / truth

    assert mean.max() < 0.75
    torch.testing.assert_close(adjusted, torch.ones(4).double(), rtol=0.05, atol=0)
