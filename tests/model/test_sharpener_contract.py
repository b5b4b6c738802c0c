"""What every entry of SHARPENERS must hold."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from fieldsharp.core.errors import ConfigError, TrainingFailed
from fieldsharp.model.registry import SHARPENERS
from fieldsharp.model.sharpeners.fitted import FittedSharpener, fit_sharpener
from fieldsharp.model.sharpeners.interface import Parameters, Region

Tensor = torch.Tensor
every_sharpener = pytest.mark.parametrize("name", SHARPENERS)
HEIGHT, WIDTH = 11, 14


@pytest.fixture
def region(coast_HW: Tensor) -> Region:
    draw = torch.Generator().manual_seed(1)
    climatology_CHW = torch.randn(2, HEIGHT, WIDTH, generator=draw, dtype=torch.float64)
    return Region(coast_HW, torch.where(coast_HW, 280.0 + climatology_CHW, 0.0))


@pytest.fixture
def fields(region: Region) -> tuple[Tensor, Tensor]:
    """Smooth forecasts of a rough truth: 9 samples, 3 leads, 2 channels, about the climatology."""
    draw = torch.Generator().manual_seed(2)
    shape = (9, 3, 2, HEIGHT, WIDTH)
    truth = torch.randn(shape, generator=draw, dtype=torch.float64).cumsum(dim=-1)
    smooth = truth.clone()
    for axis in (-1, -2):
        smooth = (smooth.roll(1, axis) + smooth + smooth.roll(-1, axis)) / 3.0
    return region.climatology_CHW + 0.8 * smooth, region.climatology_CHW + truth


def _fit(name: str, region: Region, fields: tuple[Tensor, Tensor]) -> FittedSharpener:
    return fit_sharpener(name, region, *fields)


@every_sharpener
def test_the_shape_stays_and_the_forecast_changes(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    sharpened = _fit(name, region, fields)(fields[0])

    assert sharpened.shape == fields[0].shape
    assert sharpened.dtype == torch.float64
    assert (sharpened - fields[0])[..., region.mask_HW].abs().max() > 1e-3


@every_sharpener
@pytest.mark.parametrize("filling", [0.0, 1e9, -50.0])
def test_masked_cells_never_matter(
    name: str, region: Region, fields: tuple[Tensor, Tensor], filling: float
) -> None:
    filled = tuple(torch.where(region.mask_HW, field, filling) for field in fields)
    expected = _fit(name, region, fields)(fields[0])

    found = _fit(name, region, (filled[0], filled[1]))(filled[0])

    inside = region.mask_HW
    torch.testing.assert_close(found[..., inside], expected[..., inside], rtol=1e-12, atol=1e-12)
    assert torch.equal(found[..., ~inside], filled[0][..., ~inside])


@every_sharpener
def test_a_missing_value_in_a_masked_cell_does_not_matter(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    holed = torch.where(region.mask_HW, fields[0], math.nan)

    sharpened = _fit(name, region, (holed, fields[1]))(holed)

    expected = _fit(name, region, fields)(fields[0])
    torch.testing.assert_close(
        sharpened[..., region.mask_HW], expected[..., region.mask_HW], rtol=1e-12, atol=1e-12
    )


@every_sharpener
def test_each_lead_has_its_own_parameters(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    together = _fit(name, region, fields)
    alone = fit_sharpener(name, region, fields[0][:, [1]], fields[1][:, [1]])

    assert all(value.shape[0] == 3 for value in together.parameters.values())
    torch.testing.assert_close(together(fields[0])[:, [1]], alone(fields[0][:, [1]]))


@every_sharpener
def test_frames_are_sharpened_by_the_lead_they_are_of(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    fitted = _fit(name, region, fields)
    beyond = fields[0][:, [0, 2, 2, 1]]

    sharpened = fitted(beyond, leads=[0, 2, 2, 2])

    in_order = fitted(fields[0])
    torch.testing.assert_close(sharpened[:, :3], in_order[:, [0, 2, 2]])
    assert not torch.allclose(sharpened[:, 3], in_order[:, 1])


@every_sharpener
def test_a_frame_is_sharpened_without_regard_to_the_others(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    fitted = _fit(name, region, fields)

    torch.testing.assert_close(fitted(fields[0][4:5]), fitted(fields[0])[4:5])


@every_sharpener
def test_constant_fields_survive(name: str, region: Region, fields: tuple[Tensor, Tensor]) -> None:
    fitted = _fit(name, region, fields)
    flat = torch.full_like(fields[0][:1], 283.0)

    assert fitted(flat)[..., region.mask_HW].isfinite().all()
    to_flat = fit_sharpener(name, region, fields[0], torch.full_like(fields[0], 283.0))
    assert to_flat(fields[0])[..., region.mask_HW].isfinite().all()


@every_sharpener
def test_forecasts_of_one_value_cannot_be_fitted(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    flat = torch.zeros_like(fields[0]) if name == "quantile" else None
    climatology = region.climatology_CHW.expand_as(fields[0]).clone()
    if name == "unsharp":
        flat = torch.full_like(fields[0], 283.0)

    with pytest.raises(TrainingFailed, match=rf"^the sharpener '{name}' cannot be fitted: .*; set"):
        fit_sharpener(name, region, climatology if flat is None else flat, fields[1])


@every_sharpener
def test_too_few_frames_are_refused(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(TrainingFailed, match="there are 3 forecasts of a lead to fit it on"):
        fit_sharpener(name, region, fields[0][:3], fields[1][:3])


@every_sharpener
def test_a_field_without_a_valid_cell_is_refused(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    nowhere = Region(torch.zeros_like(region.mask_HW), region.climatology_CHW)

    with pytest.raises(TrainingFailed, match="every cell is masked"):
        fit_sharpener(name, nowhere, *fields)


@every_sharpener
def test_a_forecast_that_is_not_finite_is_refused(
    name: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    diverged = fields[0].clone()
    diverged[0, 0, 0, -1, -1] = math.inf

    with pytest.raises(TrainingFailed, match="the forecasts hold values that are not finite"):
        fit_sharpener(name, region, diverged, fields[1])


class TwoFramesShort:
    """Returns fewer samples than it was given."""

    def __init__(self, region: Region) -> None:
        del region

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        return {"ratio": (target_BTCHW / pred_BTCHW).nanmean(dim=(0, 2, 3, 4))}

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        return pred_BTCHW[:-1] * parameters["ratio"][:, None, None, None]


class Roots(TwoFramesShort):
    """Not finite for negative values."""

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        return (pred_BTCHW - 1e6).sqrt()


class Scalar(TwoFramesShort):
    """Fits something that is not by lead."""

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        return {"ratio": torch.ones(())}


class Raises(TwoFramesShort):
    """Fails."""

    def fit(self, pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Parameters:
        raise KeyError("no such thing")


class Ratio(TwoFramesShort):
    """Works: a factor a lead."""

    def apply(self, pred_BTCHW: Tensor, parameters: Parameters) -> Tensor:
        return pred_BTCHW * parameters["ratio"][:, None, None, None]


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (TwoFramesShort, "where the shape of the forecast"),
        (Roots, "values that are not finite for a forecast that is"),
        (Scalar, r"returns \{'ratio': \(\)\} from fit, where finite tensors by name"),
        (Raises, r"fails \(KeyError: 'no such thing'\); mend it"),
    ],
)
def test_a_sharpener_of_the_user_s_that_is_wrong_fails_in_a_sentence(
    cls: type, message: str, region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(TrainingFailed, match=message):
        fit_sharpener(f"{__name__}:{cls.__name__}", region, *fields)


def test_a_sharpener_of_the_user_s_is_fitted_and_applied(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    fitted = fit_sharpener(f"{__name__}:Ratio", region, *fields)

    assert fitted(fields[0]).shape == fields[0].shape


def test_a_class_that_does_not_exist_is_named(
    region: Region, fields: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(ConfigError, match=r"sharpening\.name names 'Nothing'"):
        fit_sharpener(f"{__name__}:Nothing", region, *fields)


@pytest.fixture
def regions(region: Region) -> list[Region]:
    """Three variables with masks and levels of their own."""
    masks = [region.mask_HW, region.mask_HW.flip(0), region.mask_HW.flip(1)]
    return [
        Region(mask_HW, torch.where(mask_HW, level + torch.zeros(1, HEIGHT, WIDTH).double(), 0.0))
        for mask_HW, level in zip(masks, (280.0, 0.0, 1e-3), strict=True)
    ]


@pytest.fixture
def of_variables(regions: list[Region]) -> list[tuple[Tensor, Tensor]]:
    """Forecast and truth of each of them, in units of very different size."""
    draw = torch.Generator().manual_seed(5)
    found = []
    for one, scale in zip(regions, (8.0, 1.0, 1e-4), strict=True):
        truth = torch.randn(9, 3, 1, HEIGHT, WIDTH, generator=draw, dtype=torch.float64)
        truth = truth.cumsum(dim=-1)
        smooth = (truth.roll(1, -1) + truth + truth.roll(-1, -1)) / 3.0
        level = one.climatology_CHW
        found.append((level + 0.8 * scale * smooth, level + scale * truth))
    return found


@every_sharpener
def test_of_three_variables_each_is_sharpened_as_it_is_alone(
    name: str, regions: list[Region], of_variables: list[tuple[Tensor, Tensor]]
) -> None:
    fitted = [fit_sharpener(name, r, *pair) for r, pair in zip(regions, of_variables, strict=True)]
    joint = replace(fitted[0], others=(fitted[1], fitted[2]))
    pred = torch.cat([pair[0] for pair in of_variables], dim=2)

    for leads in (None, [0, 1, 2], [2, 2, 0]):
        found = joint(pred, leads)

        assert found.shape == pred.shape
        for channel, one in enumerate(fitted):
            assert torch.equal(found[:, :, [channel]], one(pred[:, :, [channel]], leads))
    assert [one.mask_HW.tolist() for one in joint.each()] == [
        one.mask_HW.tolist() for one in fitted
    ]
