"""Takes the pictures of dashboard and report for the documentation, of a study that has ended.

python run_sweep.py start configs/quickstart.yaml
python run_sweep.py confirm quickstart --top 3 --seeds 2
python -m docs.screenshots sqlite:///sweeps.db quickstart docs/images

Needs requirements-dev.txt and Debian's chromium. The dashboard is served read-only while it is
looked at.
"""

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import chromium, visit

RUN_SWEEP = Path(__file__).resolve().parents[1] / "run_sweep.py"
WIDTH = 1200
DRAWN = ".js-plotly-plot .main-svg"
"""There once a plot of the page is drawn."""


def take(storage: str, study: str, folder: Path) -> None:
    """Take the pictures.

    Args:
        storage: Database address.
        study: Name of the study; the only one in the database.
        folder: Where the pictures go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    best = _json("export", study, "--storage", storage, "--format", "json")["exported"]["trial"]
    with chromium() as browser:
        with _dashboard(storage) as link:
            _take_dashboard(browser, link, best, folder)
        with tempfile.TemporaryDirectory() as place:
            report = Path(place) / "report.html"
            _json("report", study, "--storage", storage, "-o", str(report), "--json")
            _take_report(browser, report, folder)


def _take_dashboard(browser: Browser, link: str, best: int, folder: Path) -> None:
    with visit(browser, width=WIDTH, height=1720) as seen:
        seen.page.goto(link)
        origin = link.partition("/?")[0]
        seen.page.goto(f"{origin}/dashboard/studies/1")
        seen.page.wait_for_selector(DRAWN)
        _save(seen.page, folder / "dashboard-study.png")
    with visit(browser, width=WIDTH, height=1530) as seen:
        seen.page.goto(link)
        seen.page.goto(f"{origin}/dashboard/studies/1/trials?numbers={best}")
        seen.page.wait_for_selector("img[src*='/artifacts/']")
        _save(seen.page, folder / "dashboard-trial.png")


def _take_report(browser: Browser, report: Path, folder: Path) -> None:
    with visit(browser, width=WIDTH, height=1250) as seen:
        seen.page.goto(report.as_uri())
        _save(seen.page, folder / "report.png", colours=256)  # text alone, with smoothed edges


def _save(page: Page, path: Path, colours: int | None = None) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2000)  # plots and pictures fade in
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    (shot.quantize(colours) if colours else shot).save(path, optimize=True)


@contextmanager
def _dashboard(storage: str) -> Iterator[str]:
    """Serve the dashboard in a process of its own and yield the link to it."""
    arguments = ["dashboard", "--storage", storage, "--port", "0", "--no-open", "--json"]
    with subprocess.Popen(
        [sys.executable, str(RUN_SWEEP), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        try:
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


def _json(*arguments: str) -> dict[str, dict[str, int]]:
    done = subprocess.run(
        [sys.executable, str(RUN_SWEEP), *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    _, address, name, target = sys.argv
    take(address, name, Path(target))
