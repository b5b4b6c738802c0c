"""Results that belong to one variable, and carry those of the other predicted variables.

With one variable there are no others, and a result is stored as it was before there were several.
"""

from collections.abc import Iterator, Mapping
from typing import Self, TypeVar

from pydantic import Field

from fieldsharp.fields.settings import Settings

SEPARATOR = ": "
"""Between a variable and what is said of it, as in the guard ``t2m: rmse``."""


class PerVariable(Settings):
    """A result of the first predicted variable, with those of the others.

    Attributes:
        others: Of every other predicted variable, by its name, in their order.
    """

    others: dict[str, Self] = Field(default_factory=dict, exclude_if=lambda others: not others)

    @property
    def first(self) -> Self:
        """The result of the first variable alone."""
        return self.model_copy(update={"others": {}}) if self.others else self

    def of(self, variable: str) -> Self:
        """Return the result of a variable alone; any name but those of the others is the first."""
        return self.others.get(variable, self.first)

    def each(self) -> Iterator[Self]:
        """Yield the result of each variable, the first first."""
        yield self.first
        yield from self.others.values()


Result = TypeVar("Result", bound=PerVariable)


def nested(results: Mapping[str, Result]) -> Result:
    """Return the result of the first variable with those of the others.

    Args:
        results: Of each predicted variable by its name, the first first.
    """
    (_, first), *others = results.items()
    return first.model_copy(update={"others": dict(others)}) if others else first


def named(variable: str, what: str) -> str:
    """Return what is said of a variable with its name; of the only one as it is."""
    return f"{variable}{SEPARATOR}{what}" if variable else what


def split_name(name: str) -> tuple[str, str]:
    """Return variable and name, such as of a guard, of what ``named`` returned."""
    variable, _, what = name.rpartition(SEPARATOR)
    return variable, what
