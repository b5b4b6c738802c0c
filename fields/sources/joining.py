"""The files of a field in several, each compared with the first."""

import logging
from collections import Counter
from pathlib import Path

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.selection import NotThereError, SelectOption
from fieldsharp.fields.files.addresses import Location
from fieldsharp.fields.files.contents import UnknownVariableError, several
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.files.formats import open_dataset
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.file_parts import FilePart, FirstFile
from fieldsharp.fields.sources.file_source import FileSource
from fieldsharp.fields.sources.timeline import Timeline

logger = logging.getLogger(__name__)


def compared(
    files: tuple[Location, ...], settings: DataSettings, option: SelectOption
) -> tuple[FirstFile, list[FilePart]]:
    """Open each file, compare it with the first, and close it.

    Files without the variable, or without what is selected of it, are left out.

    Returns:
        The first file that holds the variable, and all that do.

    Raises:
        DataError: If no file holds the variable, none was chosen and they hold several, or some do
            not go together.
    """
    first: FirstFile | None = None
    parts: list[FilePart] = []
    held: set[str] = set()
    not_there: DataError | None = None
    for location in files:
        try:
            with open_dataset(location, settings.variable) as dataset:
                source = FileSource.of(dataset, location, settings, option, every_frame=False)
                if settings.variable is None:
                    held.add(source.variable)
                    if len(held) > 1:
                        continue
                first = first or FirstFile.of(source)
                parts.append(first.part(source, files))
        except UnknownVariableError as error:
            held.update(error.names)
        except NotThereError as error:  # a file for each level
            not_there = not_there or DataError(f"{error} (in {location})")
        except DataError as error:
            if str(location) in str(error):
                raise DataError(f"{error}{_narrower(location, files)}") from error
            raise DataError(f"{error} (in {location})") from error
    text = str(DataFiles.of(settings.path))
    if settings.variable is None and len(held) > 1:
        raise DataError(several(sorted(held), text))
    if first is None and not_there is not None:
        raise not_there
    if first is None:
        raise UnknownVariableError(str(settings.variable), sorted(held), text)
    return first, parts


def _narrower(location: Location, files: tuple[Location, ...]) -> str:
    """Return what to do about a file of another kind than most, which a pattern fits as well."""
    suffix, count = Counter(file.suffix for file in files).most_common(1)[0]
    if count < 2 or not suffix or location.suffix == suffix or not isinstance(location, Path):
        return ""
    return f"; if it is no data, leave it out, as with data.path={location.parent}/*{suffix}"


def say_how_joined(first: FirstFile, parts: list[FilePart], timeline: Timeline) -> None:
    """Log what was done to some files to join them."""
    turned = sum(part.order is not None for part in parts)
    if turned:
        logger.info("the cells of %d files are taken in the order of %s", turned, first.location)
    for conversion in sorted({str(part.conversion) for part in parts if part.conversion}):
        logger.info("files are converted %s, the units of %s", conversion, first.location)
    if timeline.replaced:
        logger.info(
            "%d frames of ERA5's preliminary release (expver 5) are replaced by final ones",
            timeline.replaced,
        )
