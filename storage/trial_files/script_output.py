"""What the scripts of a study printed, a file a trial, in the folder of the study."""

from pathlib import Path

from fieldsharp.storage.durable_files.atomic import make_private_folder, write_durably
from fieldsharp.storage.location.owned_folders import read_within

MOST_BYTES = 10_000_000


def save_script_output(study_folder: Path, number: int, text: str) -> None:
    """Write down what a trial printed, in place of what an earlier attempt did.

    Raises:
        OSError: If it cannot be written.
    """
    path = _path(study_folder, number)
    make_private_folder(path.parent)
    write_durably(path, text.encode())


def read_script_output(study_folder: Path, number: int) -> str:
    """Return what a trial printed, "" where nothing can be read."""
    try:
        return read_within(_path(study_folder, number), MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _path(study_folder: Path, number: int) -> Path:
    return study_folder / "output" / f"{number:06d}.txt"
