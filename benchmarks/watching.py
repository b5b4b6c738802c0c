"""Time to open the dashboard's page of a study and to write its report, for large studies.

    python -m benchmarks.watching [--trials 1000] [--steps 20] [--repeats 5] [--json FILE]

A short sweep of the quickstart is run, its study filled with copies until it has so many trials,
and then measured: the study as JSON (cold: the database just opened; warm: asked again; new: from
the last ten trials on), the same by the plain Optuna dashboard, the page in Chromium until its
plots stand (cold: the dashboard just started, a browser that has never seen it; warm: the page
again, and from the list of studies), the report, and what a trial pays for its
pictures: the sample, with its way to the disk, as a share of the time of a trial of the quickstart.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from optuna.storages import get_storage
from optuna_dashboard import wsgi
from playwright.sync_api import Page, sync_playwright

from benchmarks.many_trials import make_many_trials
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.storage.database import open_database
from fieldsharp.storage.trial_files.outputs import PreviewStore
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.dashboard.http.responses import WsgiApp
from fieldsharp.sweep.dashboard.views.study_payload import StudyPayload
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.monitoring.live_progress import OpenedSweep
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.report.build import make_report
from fieldsharp.sweep.study.files.previews import TrialPreview
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from fieldsharp.sweep.trials.trial import Trial

QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
SHORT = ["training.epochs=2", "budget.trials=6", "study=many", "workers.count=2"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
DRAWN = """() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= 9
    && document.querySelectorAll('#plot-history .point').length > 0"""
"""True once three plots are drawn and the history has its points."""
Seconds = dict[str, list[float]]


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    figures: dict[str, Any] = measure_samples(
        load_config(QUICKSTART, ["training.epochs=12"]).config, asked.repeats
    )
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/many.db"
        config = load_config(QUICKSTART, SHORT).config
        run_sweep(config, url, _silent)
        make_many_trials(url, config.study, asked.trials, asked.steps)
        figures |= measure_json(url, asked.repeats)
        figures |= measure_page(url, asked.repeats)
        figures |= measure_report(url, config.study, Path(folder), min(3, asked.repeats))
    for name, value in figures.items():
        sys.stdout.write(f"{name:56s} {_shown(value)}\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _silent(opened: OpenedSweep) -> SilentProgress:
    return SilentProgress(opened.study, opened.targets, opened.units)


def measure_samples(config: SweepConfig, repeats: int) -> dict[str, Any]:
    """Return the time a trial spends on its preview, and its own length."""
    data = load_forecast_data(config.data)
    started = time.perf_counter()
    trial = Trial(config.run, data, find_hardware(config.training))
    for _ in trial.epochs():
        pass
    whole = time.perf_counter() - started
    sampler = PreviewBuilder(data, "validation")
    with tempfile.TemporaryDirectory() as folder:
        samples = PreviewStore(Path(folder))

        def keep() -> None:
            sample = TrialPreview(sampler.forecast(trial.predictor))
            samples.put(0, TrialPreview.from_bytes(sample.to_bytes()).to_bytes())

        taken = _timed(keep, repeats)
    return {
        "a trial of the quickstart, one core, s": whole,
        "its sample, to the disk, s": taken,
        "of the trial, %": 100 * statistics.median(taken) / whole,
    }


def measure_json(url: str, repeats: int) -> Seconds:
    """Return the time to serve a study as JSON, by our dashboard and the plain one."""
    found: Seconds = {f"study as JSON, {what}, s": [] for what in ("cold", "warm", "new alone")}
    found |= {f"plain dashboard, {what}, s": [] for what in ("cold", "warm", "new alone")}
    for _ in range(repeats):
        storage = get_storage(open_database(url, "read"))
        details = StudyPayload(storage, url)
        last = len(storage.get_all_trials(1)) - 10
        storage = get_storage(open_database(url, "read"))
        details = StudyPayload(storage, url)
        plain: WsgiApp = wsgi(get_storage(open_database(url, "read")))
        for what, after in (("cold", 0), ("warm", 0), ("new alone", last)):
            found[f"study as JSON, {what}, s"] += _timed(partial(details.detail, 1, after), 1)
            found[f"plain dashboard, {what}, s"] += _timed(partial(_ask, plain, after), 1)
    return found


def _ask(app: WsgiApp, after: int) -> bytes:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/studies/1",
        "QUERY_STRING": f"after={after}",
    }
    body: Iterable[bytes] = app(environ, lambda *_: None)
    return b"".join(body)


def measure_page(url: str, repeats: int) -> Seconds:
    """Return the time until the plots of a study's page are drawn."""
    found: Seconds = {"study page, cold, s": [], "study page, warm, s": []}
    found["study page, from the list of studies again, s"] = []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(repeats):
            command = [sys.executable, str(PROJECT / "run_sweep.py"), "dashboard", "--storage", url]
            with subprocess.Popen(
                [*command, "--port", "0", "--no-open"], stdout=subprocess.PIPE, text=True
            ) as server:
                try:
                    assert server.stdout is not None
                    link = server.stdout.readline().strip()
                    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
                    page = context.new_page()
                    found["study page, cold, s"] += _timed(partial(_open, page, link), 1)
                    found["study page, warm, s"] += _timed(partial(_drawn_again, page), 1)
                    page.goto(f"{link.partition('?')[0]}dashboard")
                    page.locator("a[href*='/studies/1']").first.click()
                    page.wait_for_function(DRAWN, timeout=60_000)
                    page.go_back()
                    page.locator("a[href*='/studies/1']").first.wait_for()
                    again = _timed(partial(_once_more, page), 1)
                    found["study page, from the list of studies again, s"] += again
                    context.close()
                finally:
                    server.terminate()
    return found


def _open(page: Page, link: str) -> None:
    page.goto(link, wait_until="commit")
    page.goto(f"{link.partition('?')[0]}dashboard/studies/1", wait_until="commit")
    page.wait_for_function(DRAWN, timeout=60_000)


def _drawn_again(page: Page) -> None:
    page.reload(wait_until="commit")
    page.wait_for_function(DRAWN, timeout=60_000)


def _once_more(page: Page) -> None:
    page.go_forward()
    page.wait_for_function(DRAWN, timeout=60_000)


def measure_report(url: str, study: str, folder: Path, repeats: int) -> dict[str, Any]:
    """Return the time to write a report, and its size."""
    path = folder / "report.html"
    taken = _timed(lambda: make_report(study, url, path, None), repeats)
    return {"report, s": taken, "report, MB": path.stat().st_size / 1e6}


def _timed(what: Callable[[], Any], repeats: int) -> list[float]:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        what()
        taken.append(time.perf_counter() - started)
    return taken


def _shown(value: Any) -> str:
    if not isinstance(value, list):
        return f"{value:.2f}"
    low, high = min(value), max(value)
    return f"{statistics.median(value):.3f} [{low:.3f}-{high:.3f}]"


if __name__ == "__main__":
    main(sys.argv[1:])
