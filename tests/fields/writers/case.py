"""What a file of a foreign writer holds, and how a user would name the field in it.

Shape legend: T frames, H rows (y), W columns (x).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Times = npt.NDArray[Any]


@dataclass(frozen=True)
class Holds:
    """The numbers that the writer wrote, decoded by hand.

    Attributes:
        values_THW: Physical values, NaN where the writer marked one missing; rows and columns in
            the order of the file.
        time: Valid times: datetime64, cftime or numbers; None where the file has none.
        dims: Names of the time, y and x dimensions in the file.
        units: As the file states them.
        pick: Position along each further dimension that the case selects.
        xarray_time: Variable that xarray decodes to the valid times; None where it does not.
        xarray_reads: Whether xarray decodes the values rightly by itself.
        undated_too: Whether frame numbers are a right reading too, since the dates are kept in a
            convention of the model.
        or_refused: Pattern of a refusal that is right too; "" where there is none.
    """

    values_THW: Array
    time: Times | None
    dims: tuple[str, str, str]
    units: str = ""
    pick: Mapping[str, int] = field(default_factory=dict)
    xarray_time: str | None = None
    xarray_reads: bool = True
    undated_too: bool = False
    or_refused: str = ""


@dataclass(frozen=True)
class Refused:
    """A file that holds no single field through time, or does not say which.

    Attributes:
        pattern: Regular expression that the message must match.
        because: Why refusing is right.
    """

    pattern: str
    because: str


@dataclass(frozen=True)
class Sample:
    """A file and what is expected of it."""

    path: Path
    expected: Holds | Refused


@dataclass(frozen=True)
class WriterCase:
    """One file as one kind of writer lays it out.

    Attributes:
        writer: Kind of writer, such as WRF.
        name: What is particular to the file.
        write: Writes the file into a folder.
        variable: What a user gives as ``data.variable``.
        select: What a user gives as ``data.select``.
        needs: Module that the writing needs; "" where none beyond the requirements.
    """

    writer: str
    name: str
    write: Callable[[Path], Sample]
    variable: str | None = None
    select: Mapping[str, int | float | str] = field(default_factory=dict)
    needs: str = ""

    @property
    def title(self) -> str:
        return f"{self.writer}: {self.name}"


@dataclass(frozen=True)
class Pair:
    """A forecast file, a truth file, and the error between them computed by hand.

    Attributes:
        rmse: Over all pairs of frames at equal valid times; None where only a refusal is right.
        frames: Number of those pairs.
        or_refused: Pattern of a refusal that is right too; "" where there is none.
    """

    forecast: Path
    truth: Path
    rmse: float | None
    frames: int
    or_refused: str = ""


@dataclass(frozen=True)
class PairCase:
    """A forecast as one model writes it beside a truth as another does."""

    name: str
    write: Callable[[Path], Pair]
    variable: str | None = None
    truth_variable: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""
