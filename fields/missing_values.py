"""Missing values: found while a field is read, the mask of valid cells, gaps filled in time."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.core.printable import printable
from fieldsharp.fields.coordinates.units import UnitConversion
from fieldsharp.fields.files.missing_marks import ValidRange, hinted_fill_values, valid_range
from fieldsharp.fields.fill_like import ROUNDING, FillLike, FillLikeSearch
from fieldsharp.fields.gap_filling import GapFiller, KnownCells
from fieldsharp.fields.settings import DataSettings

Array = npt.NDArray[np.floating]
MOST_FILL_VALUES = 8
"""That a file uses outside its range of valid values; more are a field in other units."""


@dataclass
class MissingValues:
    """Marks values as missing block by block, and judges at the end what was found.

    Attributes:
        name: Of the variable.
        path: Of its file or files, for errors.
        chosen: Numbers that the user calls missing, compared to single precision.
        valid: Range outside of which values are missing; None for all.
        hints: Numbers that are missing where they look like fill values.
        search: Of undeclared fill values; None where numbers are what they are.
    """

    name: str
    path: object
    chosen: tuple[float, ...] = ()
    valid: ValidRange | None = None
    hints: list[float] = field(default_factory=list)
    search: FillLikeSearch | None = None
    _numbers: int = 0
    _invalid: int = 0
    _invalid_numbers: set[float] = field(default_factory=set)
    _file: object = None
    _broken: ValidRange | None = None
    _broken_file: object = None

    @classmethod
    def of(
        cls, decoded: xr.Variable, name: str, path: object, settings: DataSettings
    ) -> "MissingValues":
        """Return what a file declares and the settings ask for.

        Args:
            decoded: The variable as xarray decodes it.
            name: Of the variable.
            path: Of the file, for errors.
            settings: Of the field.
        """
        hints = hinted_fill_values(decoded)
        is_code = bool({"flag_values", "flag_masks"} & decoded.attrs.keys())
        search = None if settings.allow_fill_like or is_code else FillLikeSearch(hints)
        return cls(name, path, settings.missing_values, valid_range(decoded), hints, search)

    def go_on_with(self, other: "MissingValues") -> None:
        """Mark values of another file from now on, by what that file declares.

        What was found in both is judged together: a file of one frame says little by itself.

        Args:
            other: Of a file whose values are in the same units.
        """
        self.valid, self._file = other.valid, other.path
        self.hints += [hint for hint in other.hints if hint not in self.hints]
        if other.search is None:  # its numbers are codes
            self.search = None

    def mark(self, values_THW: npt.NDArray[np.float64]) -> None:
        """Put NaN where a declared or chosen value is, in place."""
        if self.valid is not None:
            outside_THW = (values_THW < self.valid.least) | (values_THW > self.valid.most)
            if outside_THW.any():
                self._invalid += int(np.count_nonzero(outside_THW))
                if self._broken is None:
                    self._broken, self._broken_file = self.valid, self._file
                if len(self._invalid_numbers) <= MOST_FILL_VALUES:
                    different = np.unique(values_THW[outside_THW])
                    # The ends tell most of values that are no fill values.
                    self._invalid_numbers |= {*different[: MOST_FILL_VALUES + 1].tolist()}
                    self._invalid_numbers.add(float(different[-1]))
                values_THW[outside_THW] = np.nan
            del outside_THW
            self._numbers += values_THW.size - int(np.count_nonzero(np.isnan(values_THW)))
        for value in self.chosen:
            distance_THW = np.abs(values_THW - value)
            values_THW[distance_THW <= ROUNDING * abs(value)] = np.nan

    def look_at(self, values_THW: npt.NDArray[np.float64], ends: tuple[float, float]) -> None:
        """Search a block for undeclared fill values; the block is overwritten.

        Args:
            values_THW: As they were marked.
            ends: Their least and their most.
        """
        if self.search is not None:
            self.search.add(values_THW, ends)

    def judge(
        self,
        values_THW: Array,
        frames: npt.NDArray[np.intp] | None = None,
        conversion: UnitConversion | None = None,
    ) -> bool:
        """Refuse what looks like an undeclared fill value, and mark what is hinted at as missing.

        Args:
            values_THW: The whole field as it was marked, changed in place.
            frames: Which of them these are; None for all.
            conversion: Of the units that they were in when they were marked.

        Returns:
            Whether something was marked.

        Raises:
            DataError: If the range of valid values contradicts the field, or a number looks like a
                fill value.
        """
        self._require_plausible_range()
        found = self.search.found() if self.search is not None else []
        for mark in found:
            cells_HW = np.zeros(values_THW.shape[1:], np.bool_)
            stands = float(conversion(np.array([mark.value]))[0]) if conversion else mark.value
            for frame in range(len(values_THW)) if frames is None else frames:
                values_HW = values_THW[frame]
                # To the last digit of single precision, whatever the precision of the field.
                equal_HW = np.abs(values_HW - stands) <= ROUNDING * abs(stands)
                cells_HW |= equal_HW
                if mark.value in self.hints:
                    values_HW[equal_HW] = np.nan
            if mark.value not in self.hints:
                raise self._fill_like(mark, int(cells_HW.sum()), cells_HW.size)
        return bool(found)

    def _require_plausible_range(self) -> None:
        valid = self._broken
        if valid is None:
            return
        many = len(self._invalid_numbers) > MOST_FILL_VALUES and self._invalid > self._numbers
        if self._numbers and not many:
            return
        file = str(self._broken_file or self.path)
        given, name = json.dumps(file), json.dumps(self.name)
        mended = json.dumps(f"{Path(file).stem}_mended.nc")
        others = "" if file == str(self.path) else ", and the other files in the same way"
        code = (
            f"import xarray; d = xarray.open_dataset({given}); a = d[{name}].attrs; "
            "[a.pop(n, 0) for n in ('valid_range', 'valid_min', 'valid_max')]; "
            f"d.to_netcdf({mended}, engine='h5netcdf')"
        )
        share = self._invalid / (self._invalid + self._numbers)
        numbers = sorted(self._invalid_numbers)
        raise DataError(
            f"variable {printable(self.name)!r} in {self.path} declares values from "
            f"{valid.least:g} to {valid.most:g} as valid ({valid.name}), and "
            f"{share:.0%} of them are not, such as {numbers[0]:g} and {numbers[-1]:g}; if the "
            f"range is wrong, write the file without it with python -c {shlex.quote(code)}{others}"
        )

    def _fill_like(self, mark: FillLike, cells: int, of_cells: int) -> DataError:
        number = f"{mark.value:.7g}"
        others = (
            f" (the others: {mark.least:g} to {mark.most:g})" if mark.least <= mark.most else ""
        )
        return DataError(
            f"variable {printable(self.name)!r} in {self.path} holds {number} {mark.count} times, "
            f"in {cells} of {of_cells} cells, which looks like a fill value that the file does not "
            f"declare{others}; if it marks missing values, give --set "
            f"data.missing_values={number} (evaluate: --missing-value {number}), and if it is "
            "data, --set data.allow_fill_like=true (evaluate: --allow-fill-like)"
        )


def valid_cells(values_THW: Array, min_valid_share: float, name: str) -> npt.NDArray[np.bool_]:
    """Return the cells with a value in enough frames, see ``KnownCells.valid_cells``."""
    return KnownCells(values_THW).valid_cells(min_valid_share, name)


def fill_in_time(values_THW: Array, mask_HW: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Fill gaps in valid cells with the last value before them, see ``GapFiller``.

    Returns:
        The filled values [T, H, W] and the share of cells filled in each frame [T].
    """
    filled_THW = values_THW.copy()
    return filled_THW, GapFiller(mask_HW, KnownCells(values_THW).first_HW).fill(filled_THW)
