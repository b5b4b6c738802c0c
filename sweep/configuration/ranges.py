"""Ranges that are searched: a number between two ends, or one of a list of values."""

import math
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from fieldsharp.fields.settings import Settings

Scalar = int | float | bool | str


class NumberRange(Settings):
    """A number between two ends; whole numbers where both ends are whole."""

    low: int | float = Field(description="smallest value")
    high: int | float = Field(description="largest value")
    log: bool = Field(False, description="search the logarithm; low must be above 0")

    @model_validator(mode="after")
    def _ends_in_order(self) -> "NumberRange":
        if self.low >= self.high:
            raise ValueError(f"low must be below high, found {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be above 0 where log is true, found {self.low}")
        return self


class Choices(Settings):
    """One of a list of values."""

    choices: tuple[Scalar, ...] = Field(min_length=1, description="values to choose from")

    @field_validator("choices")
    @classmethod
    def _each_once(cls, value: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
        if len(set(value)) < len(value):
            raise ValueError(
                f"each choice may stand there once, found {', '.join(map(str, value))}"
            )
        return value


def _range_kind(value: Any) -> str:
    has_choices = "choices" in value if isinstance(value, dict) else isinstance(value, Choices)
    return "choices" if has_choices else "range"


Range = Annotated[
    Annotated[NumberRange, Tag("range")] | Annotated[Choices, Tag("choices")],
    Discriminator(_range_kind),
]


def ends(searched: NumberRange | Choices) -> tuple[Scalar, ...]:
    """Return the choices, or the two ends of a range."""
    return searched.choices if isinstance(searched, Choices) else (searched.low, searched.high)


def samples(searched: NumberRange | Choices) -> tuple[Scalar, ...]:
    """Return values that are all allowed only where the whole range is."""
    if isinstance(searched, Choices):
        return searched.choices
    low, high = searched.low, searched.high
    if isinstance(low, int) and isinstance(high, int):
        return (low, high)
    # A fraction of a range with a fractional end: a setting of whole numbers refuses it.
    return (low, high, low + (high - low) / math.pi)
