"""Variables of a file by group, and which of them ``data.variable`` names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable
from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.files.addresses import Location

UNREAD: dict[str, Any] = {"decode_cf": False, "create_default_indexes": False, "cache": False}
"""How xarray opens a file without reading any value of it."""
MOST_NAMES = 40
"""That an error lists."""


class UnknownVariableError(DataError):
    """A variable that a file does not hold.

    Attributes:
        names: Of the variables it holds.
    """

    def __init__(self, variable: str, names: Sequence[str], path: object) -> None:
        super().__init__(f"{unknown('variable', variable, names)} (in {path})")
        self.names = tuple(names)


@dataclass(frozen=True)
class Contents:
    """What a file holds; one group of it is opened.

    Attributes:
        ranks: Number of dimensions of every variable but coordinates of their own name, by group;
            the root is "".
        open: Returns the variables of a group as stored, not decoded. It takes the group and the
            variable in it that is wanted; None where none was chosen.
        close: Closes the file.
    """

    ranks: Mapping[str, Mapping[str, int]]
    open: Callable[[str, str | None], xr.Dataset]
    close: Callable[[], None]

    def fields(self) -> list[str]:
        """Return the full names of variables with at least three dimensions, else of all."""
        named = {
            full_name(g, n): rank for g, held in self.ranks.items() for n, rank in held.items()
        }
        return [name for name, rank in named.items() if rank >= 3] or list(named)

    def find(self, variable: str) -> tuple[str, str] | None:
        """Return the group and the name of a variable; None where it is not, or not certain.

        A name without a group is that of the root, else of the only group that has it.
        """
        group, _, name = variable.strip("/").rpartition("/")
        if name in self.ranks.get(group, {}):
            return group, name
        if variable in self.ranks.get("", {}):
            return "", variable
        holders = [] if "/" in variable else [g for g, held in self.ranks.items() if name in held]
        return (holders[0], name) if len(holders) == 1 else None

    def choose(self, variable: str | None, path: Location) -> tuple[str, str | None]:
        """Return the group to open and the variable in it that is wanted.

        Raises:
            DataError: If the variable is in no group or in several, or none was chosen and several
                groups have some.
        """
        if variable is not None:
            if found := self.find(variable):
                return found
            same = [f for f in self.fields() if f.rpartition("/")[2] == variable]
            if len(same) > 1:
                raise DataError(
                    f"variable {variable!r} is in several groups of {path}; {choice(same)}"
                )
            if self.ranks.get("") and "/" not in variable:
                return "", None  # whose variables an error lists, without bounds and maps
            raise UnknownVariableError(variable, self.fields(), path)
        if self.ranks.get("") or not self.ranks:
            return "", None
        fields = self.fields()
        groups = {field.rpartition("/")[0] for field in fields}
        if len(groups) == 1:
            group = groups.pop()
            return group, fields[0].rpartition("/")[2] if len(fields) == 1 else None
        raise DataError(several(fields, str(path)))


def full_name(group: str, name: str) -> str:
    """Return the name of a variable with its group, as ``data.variable`` takes it."""
    return f"{group}/{name}" if group else name


def several(fields: list[str], path: str) -> str:
    """Return the message about a file of which no variable was chosen."""
    return f"{path} holds {len(fields)} variables; {choice(fields)}"


def choice(fields: list[str]) -> str:
    """Return the advice to choose a variable, with their names."""
    more = f" and {len(fields) - MOST_NAMES} more" if len(fields) > MOST_NAMES else ""
    names = ", ".join(printable(name) for name in fields[:MOST_NAMES]) + more
    example = f"={printable(fields[0])}" if fields else ""
    return (
        f"choose one with data.variable{example} (evaluate: --variable, or of the truth "
        f"--truth-variable): {names or '(none there)'}"
    )


def with_inherited(
    dataset: xr.Dataset, group: str, open_group: Callable[[str], xr.Dataset], own_dims: set[str]
) -> xr.Dataset:
    """Return a group's variables with the coordinates that it takes from the groups it lies in.

    Args:
        dataset: Variables of the group, not decoded.
        group: Its name.
        open_group: Returns the variables of another group.
        own_dims: Dimensions that the group defines itself: those of the same name in a group
            around it are others.
    """
    while group:
        group = group.rpartition("/")[0]
        outer = open_group(group)
        wanted = {str(dim) for dim in dataset.dims}
        for variable in dataset.variables.values():
            for attribute in ("coordinates", "bounds", "grid_mapping"):
                wanted.update(str(variable.attrs.get(attribute, "")).split())
        for name, variable in outer.variables.items():
            fits = all(dataset.sizes.get(d, n) == n for d, n in variable.sizes.items())
            if (
                name in wanted
                and name not in dataset.variables
                and fits
                and own_dims.isdisjoint(map(str, variable.dims))
            ):
                dataset = dataset.assign({name: variable})
        dataset.attrs = {**outer.attrs, **dataset.attrs}
    return dataset
