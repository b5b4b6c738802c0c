"""Settings of the objective: targets of gradient and peak, limits of the guards, the score."""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fieldsharp.fields.settings import GridMeasures, Settings


def _auto_or_number(value: object) -> object:
    if value == "auto":
        return value
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"must be auto or a number, found {value!r}")
    return number


def _auto_or_positive(value: object) -> object:
    number = _auto_or_number(value)
    if isinstance(number, float) and number <= 0:
        raise ValueError(f"must be auto or a number above 0, found {value!r}")
    return number


SQRT_2 = 1.4142135623730951


def _auto_or_multiple(value: object) -> object:
    number = _auto_or_number(value)
    if isinstance(number, float) and not 1.0 <= number <= SQRT_2:
        raise ValueError(f"must be auto or a number from 1 to {SQRT_2:.3f}, found {value!r}")
    return number


GradientTarget = Annotated[Literal["auto"] | float, BeforeValidator(_auto_or_positive)]
ErrorLimit = Annotated[Literal["auto"] | float, BeforeValidator(_auto_or_multiple)]
PeakTarget = Annotated[Literal["auto"] | float, BeforeValidator(_auto_or_number)]
"""Of any sign: in degrees Celsius even a peak can be below 0."""


class TargetSettings(Settings):
    """Least gradient and peak, in the units of the field, or auto: a share of the observed."""

    gradient: GradientTarget = Field(
        "auto", description="least mean Sobel/8 gradient, units per cell, or per km with per: km"
    )
    peak: PeakTarget = Field("auto", description="least mean of the frames' maxima, in units")


class GuardSettings(Settings):
    """Limits of the guards; a forecast that breaks one never wins, however sharp."""

    rmse_over_baseline: ErrorLimit = Field(
        "auto",
        description="largest RMSE, as a multiple of the baseline's, from 1 to the square root of "
        "2, which is that of a perfect random sample of the possible futures; auto: 9 % more than "
        "the least error at full sharpness, at most 1.25 times the baseline's, at each lead",
    )
    rmse_over_climatology: float = Field(
        1.0, gt=0.0, le=10.0, description="largest RMSE, as a multiple of that of each cell's mean"
    )
    power_small_db: float = Field(
        1.6,
        ge=-60.0,
        le=60.0,
        description="most power over the truth's at wavelengths below 4 cells, in dB",
    )
    power_other_db: float = Field(
        3.0, ge=-60.0, le=60.0, description="the same from 4 to 8 cells, and from 8 cells on"
    )
    roughness_db: float = Field(
        3.0,
        ge=-60.0,
        le=60.0,
        description="most mean square of the Laplacian over the truth's, in dB: detects noise "
        "beside a coast too",
    )
    forward_sobel_over_observed: float = Field(
        1.12,
        gt=0.0,
        le=100.0,
        description="largest ratio of forward to Sobel gradients, as a "
        "multiple of the observed ratio",
    )
    peak_isolation: float = Field(
        1.5,
        gt=0.0,
        le=100.0,
        description="largest height of the maximum above the cells around it, as a multiple of "
        "the observed",
    )
    gradient_correlation_share: float = Field(
        0.8, ge=0.0, le=1.0, description="least gradient correlation, as a share of the baseline's"
    )
    correlation_drop: float = Field(
        0.1,
        ge=0.0,
        le=2.0,
        description="largest drop of the anomaly correlation below the baseline's",
    )
    correlation_least: float = Field(
        0.3,
        ge=-1.0,
        le=1.0,
        description="least anomaly correlation, where the baseline has more by correlation_drop; "
        "below that, the same share of the baseline's",
    )
    std_ratio: float = Field(
        1.1,
        gt=0.0,
        le=100.0,
        description="largest standard deviation about each cell's mean, as "
        "a multiple of the observed",
    )
    region_std_ratio: float = Field(
        1.6, gt=0.0, le=100.0, description="the same in any region of 3 x 3"
    )
    change_share: float = Field(
        0.6,
        ge=0.0,
        le=1.0,
        description="least change from the last known frame, as a share of the baseline's: "
        "repeating that frame is sharp, but no forecast",
    )


class ObjectiveSettings(Settings):
    """How a forecast becomes numbers to minimise."""

    mode: Literal["score", "pareto"] = Field(
        "score",
        description="score minimises one score; pareto the distances of gradient and peak and "
        "the RMSE as three objectives",
    )
    targets: TargetSettings = Field(default_factory=TargetSettings, description="numbers, or auto")
    guards: GuardSettings = Field(
        default_factory=GuardSettings, description="limits against wrong sharpness"
    )
    auto_share: float = Field(
        0.95, gt=0.0, le=1.0, description="an auto target is this share of the observed value"
    )
    ceiling_share: float = Field(
        1.05,
        ge=1.0,
        le=10.0,
        description="the target band ends at this multiple of the observed value",
    )
    rmse_weight: float = Field(
        0.25, ge=0.0, le=100.0, description="cost of an RMSE that exceeds the baseline's by 100 %"
    )
    area_weights: Literal["auto", "none"] = Field(
        "none",
        description="auto weighs each cell by the cosine of its latitude in RMSE, MAE, bias, "
        "skill, variances and correlations, where the grid has latitudes; none counts all cells "
        "the same",
    )
    per: Literal["cell", "km"] = Field(
        "cell",
        description="unit of length of gradients and of their target; km needs latitudes and "
        "longitudes in degrees, or projected coordinates with units of length",
    )

    @property
    def measures(self) -> GridMeasures:
        """What is taken from the coordinates of the grid."""
        return GridMeasures(area_weights=self.area_weights, per=self.per)
