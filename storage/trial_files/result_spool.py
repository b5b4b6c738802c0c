"""The spool: results on disk before they are in the database, and until they are there for good.

A result is written here as soon as it comes, whatever the database is doing, and removed once the
database holds it durably. A coordinator that starts finds what the one before it could not tell.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import make_private_folder, remove_partial_files
from fieldsharp.storage.durable_files.checksummed import read_checked, write_checked
from fieldsharp.storage.location.owned_folders import may_be_read

logger = logging.getLogger(__name__)
_KIND = "result 1"
_NAME = re.compile(r"(\d{6,})\.json")


class ResultSpool:
    """The results of one study that are not yet safe in its database; one process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, number: int, content: str) -> None:
        """Keep the result of a trial, in place of an earlier one.

        Raises:
            OSError: If it cannot be written.
        """
        make_private_folder(self.folder)
        write_checked(self._path(number), _KIND, content.encode())

    def remove(self, number: int) -> None:
        """Forget a result that is safe in the database, or of no use."""
        self._path(number).unlink(missing_ok=True)

    def results(self) -> Iterator[tuple[int, str]]:
        """Return every result with the number of its trial; damaged ones are put aside."""
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
        """Return how many results there are."""
        if not self.folder.is_dir():
            return 0
        return sum(bool(_NAME.fullmatch(path.name)) for path in self.folder.iterdir())

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"
