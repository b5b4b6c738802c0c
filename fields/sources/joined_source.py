"""A field in several files, joined along time; a few of them are open at a time.

Shape legend: T frames, H rows (y), W columns (x).
"""

import copy
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
import numpy.typing as npt

from fieldsharp.core.errors import DataError
from fieldsharp.core.memory import Use, require_memory
from fieldsharp.fields.coordinates.selection import SelectOption
from fieldsharp.fields.files.addresses import Location
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.files.formats import open_dataset
from fieldsharp.fields.missing_values import MissingValues
from fieldsharp.fields.series import time_text
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.field_source import Block, FieldHeader
from fieldsharp.fields.sources.file_parts import FilePart, differing
from fieldsharp.fields.sources.file_source import FileSource
from fieldsharp.fields.sources.joining import compared, say_how_joined
from fieldsharp.fields.sources.timeline import Holder, Run, Timeline

Values = npt.NDArray[np.float64]
MOST_OPEN = 4


@dataclass
class JoinedSource:
    """A variable of several files, see ``FieldSource``.

    Attributes:
        settings: Which field.
        option: How dimensions were selected, for errors.
        header: Of the joined field; all but its frames is that of the first file.
        parts: The files that hold the variable.
        timeline: Which of them hold each frame.
    """

    settings: DataSettings
    option: SelectOption
    header: FieldHeader
    parts: tuple[FilePart, ...]
    timeline: Timeline
    _open: OrderedDict[int, FileSource] = field(default_factory=OrderedDict)
    _declared: dict[int, MissingValues] = field(default_factory=dict)
    _missing: dict[str, MissingValues] = field(default_factory=dict)

    @classmethod
    def of(
        cls, files: tuple[Location, ...], settings: DataSettings, option: SelectOption
    ) -> "JoinedSource":
        """Open each file once, compare it with the first, and close it.

        Files without the variable are left out.

        Raises:
            DataError: If no file holds the variable, or some do not go together.
        """
        first, parts = compared(files, settings, option)
        timeline = Timeline.of([part.times for part in parts])
        found = cls(
            settings.model_copy(update={"variable": settings.variable or first.variable}),
            option,
            replace(
                first.header,
                shape=(len(timeline.time_T), *first.header.shape[1:]),
                frames=replace(first.header.frames, time_T=timeline.time_T, lead_T=timeline.lead_T),
            ),
            tuple(parts),
            timeline,
        )
        say_how_joined(first, parts, timeline)
        return found

    @property
    def frames_at_a_time(self) -> int:
        """Frames that are read from a file at a time, each chunk of it once."""
        return max(part.frames_at_a_time for part in self.parts)

    def require_memory(self, use: Use, dtype: npt.DTypeLike) -> None:
        """Check that there is memory to hold all values and use them."""
        size = prod(self.header.shape)
        reading = size * np.dtype(dtype).itemsize + self._block_bytes
        needed = max(reading, size * use.bytes_a_value)
        require_memory(needed, f"{self._what} holds {size} values and", use.processes)

    def require_memory_for_blocks(self) -> None:
        """Check that there is memory to read a block at a time."""
        require_memory(self._block_bytes, f"{self._what}, read a part at a time,")

    def blocks(self) -> Iterator[Block]:
        """Yield all values, see ``FieldSource.blocks``.

        Raises:
            DataError: Also if two files hold different values at one time.
        """
        for run in self.timeline.runs:
            if len(run.holders) > 1:
                yield from self._agreed(run)
                continue
            (holder,) = run.holders
            part, frames = self.parts[holder.file], range(holder.frame, holder.frame + run.count)
            for first, block_THW in self._file(holder.file).blocks(frames):
                yield run.first + first - holder.frame, part.unified(block_THW)

    def judge(self, values_THW: npt.NDArray[np.floating]) -> bool:
        """Refuse or mark what looks like a fill value, see ``FieldSource.judge``.

        Files in the same units are judged together.
        """
        marked = False
        for units, missing in self._missing.items():
            own = [number for number, part in enumerate(self.parts) if _units(part) == units]
            frames = np.flatnonzero(np.isin(self.timeline.file_T, own))
            marked |= missing.judge(values_THW, frames, self.parts[own[0]].conversion)
        return marked

    def close(self) -> None:
        """Close all files that are open."""
        while self._open:
            self._open.popitem()[1].dataset.close()

    @property
    def _what(self) -> str:
        return f"variable {self.header.name!r} in {DataFiles.of(self.settings.path)}"

    @property
    def _block_bytes(self) -> int:
        most = max(part.block_bytes for part in self.parts)
        if all(len(run.holders) == 1 for run in self.timeline.runs):
            return most
        # The frames of two files and their difference, beside what is read.
        return most + 3 * 8 * self.frames_at_a_time * prod(self.header.shape[1:])

    def _file(self, number: int) -> FileSource:
        """Return an opened file whose values are marked from now on."""
        if number in self._open:
            self._open.move_to_end(number)
        else:
            while len(self._open) >= MOST_OPEN:
                self._open.popitem(last=False)[1].dataset.close()
            self._open[number] = self._opened(number)
        source = self._open[number]
        source.missing.go_on_with(self._declared[number])
        return source

    def _opened(self, number: int) -> FileSource:
        part = self.parts[number]
        dataset = open_dataset(part.location, self.settings.variable)
        try:
            source = FileSource.of(
                dataset, part.location, self.settings, self.option, every_frame=False
            )
            if source.array.sizes[source.dims[0]] != len(part.times.time_T):
                raise DataError(
                    f"data file {part.location} was changed while it was read; wait until it is "
                    "written"
                )
        except BaseException:
            dataset.close()
            raise
        self._declared[number] = copy.copy(source.missing)
        together = self._missing.setdefault(_units(part), source.missing)
        together.path = DataFiles.of(self.settings.path)
        source.missing = together
        return source

    def _agreed(self, run: Run) -> Iterator[Block]:
        """Yield the frames of a run that several files hold, if they are the same in all."""
        for start, stop, values_THW in self._pieces(run, run.holders[0]):
            for other in run.holders[1:]:
                others_THW = self._values(other, start, stop)
                if self._differing(run.holders[0], values_THW, other, others_THW).any():
                    raise self._conflict(run.holders[0].file, other.file)
            yield run.first + start, values_THW

    def _pieces(self, run: Run, holder: Holder) -> Iterator[tuple[int, int, Values]]:
        """Yield the frames of a run, as many at a time as a file gives."""
        at_a_time = self.parts[holder.file].frames_at_a_time
        for start in range(0, run.count, at_a_time):
            stop = min(start + at_a_time, run.count)
            yield start, stop, self._values(holder, start, stop)

    def _values(self, holder: Holder, start: int, stop: int) -> Values:
        part = self.parts[holder.file]
        frames = range(holder.frame + start, holder.frame + stop)
        blocks = self._file(holder.file).blocks(frames)
        return np.concatenate([part.unified(block_THW).copy() for _, block_THW in blocks])

    def _differing(
        self, holder: Holder, values_THW: Values, other: Holder, others_THW: Values
    ) -> npt.NDArray[np.bool_]:
        """Return where the values of two files differ by more than they are rounded."""
        rounding = sum(self.parts[number].rounding for number in (holder.file, other.file))
        return differing(values_THW, others_THW, rounding)

    def _conflict(self, one: int, two: int) -> DataError:
        """Return the error of two files that hold different values at some times."""
        first, frames, in_common = "", 0, 0
        for run in self.timeline.runs:
            held = {holder.file: holder for holder in run.holders}
            if one not in held or two not in held:
                continue
            in_common += run.count
            for start, stop, values_THW in self._pieces(run, held[one]):
                others_THW = self._values(held[two], start, stop)
                differ_THW = self._differing(held[one], values_THW, held[two], others_THW)
                differ_T = differ_THW.any(axis=(1, 2))
                if differ_T.any() and not first:
                    at = run.first + start + int(np.argmax(differ_T))
                    first = time_text(self.timeline.time_T[at])
                frames += int(differ_T.sum())
        ours, theirs = self.parts[one].location, self.parts[two].location
        return DataError(
            f"{ours} and {theirs} hold different values of {self.header.name!r} at {frames} of the "
            f"{in_common} times that both hold, first at {first}; leave one of them out of "
            "data.path, or cut those times out of it"
        )


def _units(part: FilePart) -> str:
    """Return the units that values are in before they are converted; "" for those of the first."""
    return part.conversion.source if part.conversion else ""
