"""Opens the configured field."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.selection import DATA_SELECT, SelectOption
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.files.formats import open_dataset, without_known_warnings
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.field_source import FieldSource
from fieldsharp.fields.sources.file_source import FileSource
from fieldsharp.fields.sources.joined_source import JoinedSource


@contextmanager
def open_field(
    settings: DataSettings, option: SelectOption = DATA_SELECT, *, every_frame: bool = False
) -> Iterator[FieldSource]:
    """Open the configured field; no value of it is read.

    Args:
        settings: Which field.
        option: How dimensions were selected, for errors.
        every_frame: Whether there may be several frames of a time, of leads and members.

    Raises:
        DataError: If a file is missing or unreadable, the variable is unknown, holds no real
            numbers or has no time, or several files cannot be joined.
    """
    files = DataFiles.of(settings.path).locations()
    if len(files) > 1 and every_frame:
        raise DataError(
            f"{DataFiles.of(settings.path)} is {len(files)} files, and a forecast with its leads "
            "and members is read from one; give one of them"
        )
    with without_known_warnings():
        if len(files) > 1:
            with closing(JoinedSource.of(files, settings, option)) as joined:
                yield joined
        else:
            (file,) = files
            with open_dataset(file, settings.variable) as dataset:
                yield FileSource.of(dataset, file, settings, option, every_frame=every_frame)
