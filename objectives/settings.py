"""Settings of the objective: what gradient and peak must reach."""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fields.settings import Settings


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


GradientTarget = Annotated[Literal["auto"] | float, BeforeValidator(_auto_or_positive)]
PeakTarget = Annotated[Literal["auto"] | float, BeforeValidator(_auto_or_number)]
"""Of any sign: in degrees Celsius even a peak can be below 0."""


class TargetSettings(Settings):
    """Least gradient and peak, in the units of the field, or auto: a share of the observed."""

    gradient: GradientTarget = Field(
        "auto", description="least mean Sobel/8 gradient, units per cell"
    )
    peak: PeakTarget = Field("auto", description="least mean of the frames' maxima, in units")


class ObjectiveSettings(Settings):
    """How a forecast becomes one number to minimise."""

    targets: TargetSettings = Field(default_factory=TargetSettings, description="numbers, or auto")
    auto_share: float = Field(
        0.95, gt=0.0, le=1.0, description="an auto target is this share of the observed value"
    )
    ceiling_share: float = Field(
        1.05, ge=1.0, le=10.0, description="the band ends at this multiple of the observed value"
    )
    rmse_weight: float = Field(
        0.25, ge=0.0, le=100.0, description="cost of an RMSE that exceeds the baseline's by 100 %"
    )
