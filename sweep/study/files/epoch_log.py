"""What a script that can go on has told of its epochs, kept beside what it goes on from."""

from pathlib import Path

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.durable_files.regular_files import read_within
from fieldsharp.sweep.study.epoch_report import (
    EpochReport,
    reports_as_text,
    reports_from_text,
)

FILE = "epochs.json"


def log_epoch(folder: Path, reports: list[EpochReport]) -> None:
    """Write down what was told until now.

    Args:
        folder: Of the trial.
        reports: Of its epochs.

    Raises:
        OSError: If it cannot be written.
    """
    write_durably(folder / FILE, reports_as_text(reports).encode())


def epochs_logged(folder: Path) -> list[EpochReport]:
    """Return what earlier attempts told, nothing where that cannot be read."""
    try:
        return reports_from_text(read_within(folder / FILE).decode())
    except (OSError, UnicodeDecodeError, TrainingFailed):
        return []


def count_logged_epochs(folder: Path) -> int:
    """Return after how many epochs a script goes on, 0 where it begins anew."""
    reports = epochs_logged(folder)
    return reports[-1].epoch + 1 if reports else 0
