"""Making the report of a study: gathered, laid out, written whole or not at all."""

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
    """What was written.

    Attributes:
        path: Where.
        size: In bytes.
        pictures: How many.
        verdict: What the study comes to.
        test_split: Whether the test split could be looked at.
        why_no_test: Why not.
    """

    path: Path
    size: int
    pictures: int
    verdict: str
    test_split: bool
    why_no_test: str


def make_report(study: str, url: str, path: Path, trial: int | None = None) -> BuiltReport:
    """Write the report of a study to a file, in place of what is there.

    Args:
        study: Its name.
        url: Address of its database; it is read alone.
        path: The file, with the suffix ``.html``.
        trial: Another trial than the best.

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
        test_split=report.test is not None,
        why_no_test=report.why_no_test,
    )


def require_place(path: Path) -> None:
    """Check before any work that a report may be written there.

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
