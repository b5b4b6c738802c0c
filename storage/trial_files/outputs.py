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

    Args:
        folder: Of the files; it may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_trial(self, number: int, content: bytes) -> None:
        """Save the preview data of a trial.

        Raises:
            OSError: If it cannot be written.
        """
        self._put(f"{number:06d}", content)

    def put_observed(self, part: str, content: bytes) -> None:
        """Save the observations of one split.

        Raises:
            OSError: If it cannot be written.
        """
        self._put(f"observed-{part}", content)

    def trial(self, number: int) -> bytes | None:
        """Return the preview data of a trial, None where they are missing or damaged."""
        return self._whole(f"{number:06d}")

    def observed(self, part: str) -> bytes | None:
        """Return the observations of one split, None where they are missing or damaged."""
        return self._whole(f"observed-{part}")

    def keep_only(self, numbers: Collection[int]) -> None:
        """Remove the preview data of all other trials."""
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
            logger.warning(
                "preview data %s cannot be read (%s)", self._folder / name, error.strerror
            )
            return None
        if content is None:
            logger.warning("preview data %s is damaged: there are no pictures of it", name)
        return content


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
