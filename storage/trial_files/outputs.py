"""Preview data and printed output of the trials of a study, a file per trial.

samples/000012              preview data of a trial: its pictures are drawn from them
samples/observed-validation observations of one split, which the pictures show beside the forecast
output/000012.txt           text that the script of a trial printed
"""

import logging
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from fieldsharp.storage.durable_files.atomic import (
    make_private_folder,
    read_checked,
    write_checked,
    write_durably,
)
from fieldsharp.storage.durable_files.owned_folders import may_be_read
from fieldsharp.storage.durable_files.regular_files import read_within

logger = logging.getLogger(__name__)
_KIND = "sample 1"
MOST_OUTPUT_BYTES = 10_000_000


class PreviewStore:
    """The preview data of one study; any process reads them, its coordinator alone writes.

    Those of a trial are under its number, observations under the name of their split. The folder
    may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, of: int | str, content: bytes) -> None:
        """Save the preview data of a trial, or the observations of one split.

        Raises:
            OSError: If it cannot be written.
        """
        make_private_folder(self._folder)
        write_checked(self._path(of), _KIND, content)

    def get(self, of: int | str) -> bytes | None:
        """Return the data of a trial or a split, None where they are missing or damaged."""
        path = self._path(of)
        try:
            content = read_checked(path, _KIND)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("preview data %s cannot be read (%s)", path, error.strerror)
            return None
        if content is None:
            logger.warning("preview data %s is damaged: there are no pictures of it", path.name)
        return content

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove the preview data of all other trials."""
        if not may_be_read(self._folder):
            return
        for path in self._folder.glob("[0-9]*"):
            if path.name.isdecimal() and int(path.name) not in numbers:
                with suppress(FileNotFoundError):
                    path.unlink()

    def _path(self, of: int | str) -> Path:
        return self._folder / (f"{of:06d}" if isinstance(of, int) else f"observed-{of}")


def save_script_output(study_folder: Path, number: int, text: str) -> None:
    """Save the text that a trial printed; it replaces that of an earlier attempt.

    Raises:
        OSError: If it cannot be written.
    """
    path = _output_path(study_folder, number)
    make_private_folder(path.parent)
    write_durably(path, text.encode())


def read_script_output(study_folder: Path, number: int) -> str:
    """Return the text that a trial printed, "" where it cannot be read."""
    try:
        content = read_within(_output_path(study_folder, number), MOST_OUTPUT_BYTES)
    except OSError:
        return ""
    return content.decode(errors="replace")


def _output_path(study_folder: Path, number: int) -> Path:
    return study_folder / "output" / f"{number:06d}.txt"
