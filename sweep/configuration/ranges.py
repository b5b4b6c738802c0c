"""Searched settings: their names and dotted paths, and their ranges or choices."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.settings import Settings
from fieldsharp.model.settings import LENGTH_SETTINGS

SHORT_NAMES: dict[str, str] = {
    "gradient_weight": "loss.gradient_weight",
    "loss_variant": "loss.variant",
    "multi_step": "loss.multi_step",
    "peak_weight": "loss.peak_weight",
    "learning_rate": "training.learning_rate",
    "warmup_fraction": "training.warmup_fraction",
}
UNSEARCHED_LENGTHS = tuple(f"training.{name}" for name in LENGTH_SETTINGS)
SEARCHABLE_SECTIONS = ("predictor", "loss", "training")
OF_SCRIPT = "script."
"""Prefix of a searched value that is passed to a script, see ``trainer``."""
GIVEN = "trainer.given."
Scalar = int | float | bool | str
GivenValue = Scalar | tuple[Scalar, ...]
"""A value that a script is given: what is searched is a single one."""


def setting_path(name: str) -> str:
    """Return the dotted path of a searched setting.

    Args:
        name: A short name, a dotted path into predictor, loss or training, or ``script.`` and the
            name of a value passed to a script.

    Raises:
        ValueError: If it is neither.
    """
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    if name.startswith(OF_SCRIPT):
        return GIVEN + name.removeprefix(OF_SCRIPT)
    if name == "training.seed":
        raise ValueError(
            "search.space.training.seed would reward luck; leave it out, and compare seeds later"
        )
    if name in UNSEARCHED_LENGTHS:
        raise ValueError(
            f"search.space.{name} would give the trials of a study different lengths; leave it out"
        )
    if name == "loss.normalise":
        raise ValueError(
            "search.space.loss.normalise would mix weights of different units; leave it out"
        )
    if name.partition(".")[0] in SEARCHABLE_SECTIONS and "." in name:
        return name
    raise ValueError(
        f"search.space: {unknown('parameter', name, SHORT_NAMES)}, or a setting of "
        f"{', '.join(SEARCHABLE_SECTIONS)} such as predictor.width"
    )


def value_at(tree: Mapping[str, object], path: str) -> int | float | bool | str | None:
    """Return the scalar at a dotted path of nested settings; None of a list or what is missing."""
    node: object = tree
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node if isinstance(node, int | float | str) else None


def set_value(tree: dict[str, Any], path: str, value: Scalar) -> None:
    """Put a single value at a dotted path of nested settings.

    Raises:
        ValueError: If a list or a mapping is there, or a section of the path is a single value.
    """
    *sections, leaf = path.split(".")
    node: Any = tree
    for section in sections:
        node = node.setdefault(section, {})
        if not isinstance(node, dict):
            raise ValueError(f"{path} is no setting; {section} is {node!r}, which has no {leaf}")
    if isinstance(node.get(leaf), dict | list):
        raise ValueError(
            f"{path} is {node[leaf]!r}, and single values alone are searched; search a single "
            "value, or leave it out of search.space"
        )
    node[leaf] = value


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
            raise ValueError(f"each choice may be given once, found {', '.join(map(str, value))}")
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
    """Return test values: if a setting accepts all of them, it accepts the whole range."""
    if isinstance(searched, Choices):
        return searched.choices
    low, high = searched.low, searched.high
    if isinstance(low, int) and isinstance(high, int):
        return (low, high)
    # A fractional value within the range, which an integer setting refuses.
    return (low, high, low + (high - low) / math.pi)
