"""Settings of the objective: targets of gradient and peak, limits of the guards, the score."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fieldsharp.core.suggestions import unknown
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
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class MembersJudged(Settings):
    """What the members of an ensemble are judged by.

    Attributes:
        count: Members drawn of each forecast.
        thresholds: Events are values above these quantiles of the training data.
    """

    count: int
    thresholds: tuple[float, ...]


class VariableTargets(Settings):
    """Least gradient and peak of one variable, in its units, or auto: a share of the observed."""

    gradient: GradientTarget = Field(
        "auto", description="least mean Sobel/8 gradient, units per cell, or per km with per: km"
    )
    peak: PeakTarget = Field("auto", description="least mean of the frames' maxima, in units")


class TargetSettings(VariableTargets):
    """Least gradient and peak, in the units of the field, or auto: a share of the observed."""

    by_name: dict[str, VariableTargets] = Field(
        default_factory=dict,
        description="the same of one variable, by its name: objective.targets.t2m.gradient; the "
        "only way to give numbers where several variables are predicted",
    )

    @model_validator(mode="before")
    @classmethod
    def _settings_are_of_a_variable(cls, value: Any) -> Any:
        """Take every key that holds settings for the name of a variable."""
        if not isinstance(value, dict):
            return value
        by_name = {str(key): held for key, held in value.items() if isinstance(held, dict)}
        rest = {key: held for key, held in value.items() if str(key) not in by_name}
        return {**rest, "by_name": by_name} if by_name else rest

    @model_validator(mode="after")
    def _each_target_has_one_place(self) -> "TargetSettings":
        given = [name for name in ("gradient", "peak") if getattr(self, name) != "auto"]
        if given and self.by_name:
            of = next(iter(self.by_name))
            raise ValueError(
                f"{given[0]} is {getattr(self, given[0]):g}, beside targets of {of} by its name; "
                f"give objective.targets.{of}.{given[0]} in its place"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        tree: dict[str, Any] = usual(self)
        by_name = tree.pop("by_name", {})  # not there when unset values are excluded
        return {**tree, **by_name}

    def require_names(self, predicted: Sequence[str | None]) -> None:
        """Check the targets against the variables that are predicted.

        Args:
            predicted: Their names; None for the only one of a file.

        Raises:
            ValueError: If one is of another variable, or a number is of no variable in particular.
        """
        known = [name for name in predicted if name is not None]
        for name in self.by_name if known else ():
            if name not in known:
                raise ValueError(f"objective.targets: {unknown('variable', name, known)}")
        for target in ("gradient", "peak") if len(predicted) > 1 else ():
            value = getattr(self, target)
            if value != "auto":
                raise ValueError(
                    f"objective.targets.{target} is {value:g}, and {len(predicted)} variables are "
                    f"predicted, each in its own units; give objective.targets.{known[0]}.{target} "
                    "and so on, or leave it out"
                )

    def of(self, variable: str, name: str) -> Literal["auto"] | float:
        """Return the target of a variable; that without a name where none has its name."""
        found: Literal["auto"] | float = getattr(self.by_name.get(variable, self), name)
        return found

    def setting(self, name: str, variable: str) -> str:
        """Return the key of a target of a variable."""
        of = f"{variable}." if variable in self.by_name else ""
        return f"objective.targets.{of}{name}"


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
    mean_rmse_over_baseline: float = Field(
        1.03,
        ge=1.0,
        le=1.5,
        description="members: largest RMSE of the mean of endless members, as a multiple of the "
        "baseline's",
    )
    spread_over_error_least: float = Field(
        0.8, ge=0.0, le=1.0, description="members: least spread over the error of their mean"
    )
    spread_over_error_most: float = Field(
        1.25, ge=1.0, le=100.0, description="members: most spread over the error of their mean"
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

    mode: Literal["score", "pareto", "members"] = Field(
        "score",
        description="score minimises one score; pareto the distances of gradient and peak and "
        "the RMSE as three objectives; members the score of an ensemble, whose members are judged "
        "together",
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
    crps_weight: float = Field(
        1.0,
        ge=0.0,
        le=100.0,
        description="mode members: cost of a CRPS as large as that of the best ensemble without "
        "training",
    )
    members: int = Field(
        8, ge=2, le=1000, description="mode members: members drawn of each forecast that is judged"
    )
    thresholds: tuple[Share, ...] = Field(
        (0.9, 0.99),
        max_length=10,
        description="mode members: events are values above these quantiles of the training data",
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

    @property
    def judges_members(self) -> bool:
        """Whether the members of an ensemble are judged together."""
        return self.mode == "members"

    @property
    def members_judged(self) -> MembersJudged | None:
        """What members are judged by; None where they are not judged together."""
        if not self.judges_members:
            return None
        return MembersJudged(count=self.members, thresholds=self.thresholds)
