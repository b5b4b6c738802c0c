"""The report of a study as a notebook shows it: a file beside it, or a frame in the page."""

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fieldsharp.sweep.interface.display import block, line
from fieldsharp.sweep.report.build import default_path, make_report


@dataclass(frozen=True)
class StudyReport:
    """A report that was written.

    Attributes:
        size: In bytes.
        verdict: Name of the verdict in it.
    """

    path: Path
    size: int
    pictures: int
    verdict: str

    def show(self, height: int = 600) -> "ReportFrame":
        """Return the report in a frame of so many pixels, which becomes part of the notebook."""
        return ReportFrame(self.path, height)

    def _repr_html_(self) -> str:
        size = f"{self.size / 1e6:.1f} MB, {self.pictures} pictures"
        return block(
            f"report ({self.verdict}), {size}",
            line(f"{self.path}: open it in a browser, or look at .show() here"),
        )


@dataclass(frozen=True)
class ReportFrame:
    """A report in a frame of a notebook; nothing in it runs."""

    path: Path
    height: int

    def _repr_html_(self) -> str:
        page = escape(self.path.read_text(encoding="utf-8"), quote=True)
        style = f"width:100%;height:{self.height}px;border:1px solid;border-color:currentColor"
        return f'<iframe sandbox="" style="{style}" srcdoc="{page}"></iframe>'


def write_report(study: str, url: str, path: str | os.PathLike[str] | None) -> StudyReport:
    """Write the report of a study.

    Raises:
        FieldsharpError: See ``make_report``.
    """
    made = make_report(study, url, default_path(study) if path is None else Path(path))
    return StudyReport(made.path, made.size, made.pictures, made.verdict)
