"""Opens the configured field."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsharp.fields.coordinates.selection import DATA_SELECT, SelectOption
from fieldsharp.fields.files.formats import open_dataset, without_known_warnings
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.field_source import FieldSource
from fieldsharp.fields.sources.file_source import FileSource


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
        DataError: If the file is missing or unreadable, the variable is unknown, holds no real
            numbers or has no time.
    """
    path = Path(settings.path)
    with without_known_warnings(), open_dataset(path, settings.variable) as dataset:
        yield FileSource.of(dataset, path, settings, option, every_frame=every_frame)
