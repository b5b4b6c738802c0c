"""The spool: results on disk until the database has them durably.

A result is written here as soon as it arrives, also while the database is unavailable, and removed
once the database file has it. A coordinator that starts finds the results that the one before it
could not write to the database.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import (
    make_private_folder,
    read_checked,
    remove_partial_files,
    write_checked,
)
from fieldsharp.storage.durable_files.owned_folders import may_be_read

logger = logging.getLogger(__name__)
_KIND = "result 1"
_NAME = re.compile(r"(\d{6,})\.json")


class ResultSpool:
    """The results of one study that its database does not have durably; one process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, number: int, content: str) -> None:
        """Save the result of a trial; it replaces an earlier one.

        Raises:
            OSError: If it cannot be written.
        """
        make_private_folder(self.folder)
        write_checked(self._path(number), _KIND, content.encode())

    def remove(self, number: int) -> None:
        """Remove a result that the database has durably, or that is of no use."""
        self._path(number).unlink(missing_ok=True)

    def results(self) -> Iterator[tuple[int, str]]:
        """Yield every result with the number of its trial; damaged ones are renamed."""
        if not may_be_read(self.folder):
            return
        remove_partial_files(self.folder)
        for path in sorted(self.folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            if not match:
                continue
            try:
                content = read_checked(path, _KIND)
            except OSError as error:
                logger.warning("result %s cannot be read (%s)", path, error.strerror)
                continue
            if content is not None:
                yield int(match[1]), content.decode()
            else:
                aside = path.with_suffix(".damaged")
                logger.warning("result %s is damaged: put aside as %s", path, aside.name)
                path.replace(aside)

    def __len__(self) -> int:
        """Return the number of results."""
        if not self.folder.is_dir():
            return 0
        return sum(bool(_NAME.fullmatch(path.name)) for path in self.folder.iterdir())

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"
