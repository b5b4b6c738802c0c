"""What pictures are drawn from, on disk: a file a trial, and one of what was observed.

000012              of a trial
observed-validation of a part of the series
"""

import logging
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import make_private_folder
from fieldsharp.storage.durable_files.checksummed import read_checked, write_checked
from fieldsharp.storage.location.owned_folders import may_be_read

logger = logging.getLogger(__name__)
_KIND = "sample 1"


class PreviewStore:
    """The samples of one study; they are read by anybody, written by its coordinator alone.

    Args:
        folder: Where they stand; it may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_trial(self, number: int, content: bytes) -> None:
        """Keep the sample of a trial.

        Raises:
            OSError: If it cannot be written.
        """
        self._put(f"{number:06d}", content)

    def put_observed(self, part: str, content: bytes) -> None:
        """Keep what was observed in a part of the series.

        Raises:
            OSError: If it cannot be written.
        """
        self._put(f"observed-{part}", content)

    def trial(self, number: int) -> bytes | None:
        """Return the sample of a trial, None where there is none that is whole."""
        return self._whole(f"{number:06d}")

    def observed(self, part: str) -> bytes | None:
        """Return what was observed in a part of the series, None where none is kept whole."""
        return self._whole(f"observed-{part}")

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove the samples of all other trials."""
        if not may_be_read(self._folder):
            return
        for path in self._folder.glob("[0-9]*"):
            if path.name.isdecimal() and int(path.name) not in numbers:
                with suppress(FileNotFoundError):
                    path.unlink()

    def _put(self, name: str, content: bytes) -> None:
        make_private_folder(self._folder)
        write_checked(self._folder / name, _KIND, content)

    def _whole(self, name: str) -> bytes | None:
        try:
            content = read_checked(self._folder / name, _KIND)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("sample %s cannot be read (%s)", self._folder / name, error.strerror)
            return None
        if content is None:
            logger.warning("sample %s is damaged: there are no pictures of it", name)
        return content
