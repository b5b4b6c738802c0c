"""Writes the report of a study to a file, completely or not at all."""

from dataclasses import dataclass
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.partial_file import USUAL_MODE
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.render import lay_out, render

SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class BuiltReport:
    """A report that was written.

    Attributes:
        size: In bytes.
        test_split: Whether it has results of the test split, from a confirmation.
        why_no_test: Why not, "" where it has.
    """

    path: Path
    size: int
    pictures: int
    verdict: str
    test_split: bool
    why_no_test: str


def make_report(study: str, url: str, path: Path, trial: int | None = None) -> BuiltReport:
    """Write the report of a study to a ``.html`` file, replacing an existing one.

    On the best trial, or on the one with the number ``trial``.

    Raises:
        BadInput: If there is no such study or trial, or the file cannot be written.
        StorageError: If the database cannot be read.
    """
    require_place(path)
    report = collect_report(study, url, trial)
    page = lay_out(report)
    content = render(report, page).encode("utf-8", "replace")
    try:
        write_durably(path, content, USUAL_MODE)
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    return BuiltReport(
        path=path,
        size=len(content),
        pictures=page.pictures,
        verdict=report.verdict.name,
        test_split=report.shows_test,
        why_no_test="" if report.shows_test else report.why_not_tested,
    )


def default_path(study: str) -> Path:
    """Return a file name for a study, which may be called anything."""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in study).strip("-.")
    return Path(f"{name[:100] or 'study'}-report.html")


def require_place(path: Path) -> None:
    """Check before any work that a report can be written to a path.

    Raises:
        ConfigError: If not.
    """
    if path.is_dir():
        raise ConfigError(f"cannot write {path}, which is a folder; name a file in it with -o")
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"a report is an HTML file, and {path} has not the suffix .html; choose another name "
            "with -o"
        )
    if not path.parent.is_dir():
        raise _cannot_write(path, f"there is no folder {path.parent}")


def _cannot_write(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"cannot write {path} ({reason}); choose another place with -o")
