"""Settings of the objective: what gradient and peak must reach."""

from typing import Annotated, Literal

from pydantic import Field

from fields.settings import Settings

Target = Literal["auto"] | Annotated[float, Field(gt=0.0)]


class TargetSettings(Settings):
    """Least gradient and peak, in the units of the field, or auto: a share of the observed."""

    gradient: Target = Field("auto", description="least mean Sobel/8 gradient, units per cell")
    peak: Target = Field("auto", description="least mean of the frames' maxima, in units")


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
