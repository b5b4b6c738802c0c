"""What the commands say of the studies in ``data``, and how it is compared with what they said.

``expected`` holds what the program said that wrote ``data``. It was written there by
``python -m tests.compatibility.looks NAME ...`` and is not to be written again when a test fails:
then the program has changed for those who have sweeps of an earlier version.

Everything goes through the command line, HTTP and the database file, and nothing is imported of
the program: these tests hold wherever its modules stand.
"""

import html.parser
import json
import math
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DATA = HERE / "data"
EXPECTED = HERE / "expected"
MADE_IN = "/srv/sweeps"
"""Where the data were made: the paths of field and script in them lead there."""
LIMIT_S = 120.0
RELATIVE, ABSOLUTE = 1e-4, 1e-4
"""How far numbers may be apart: another processor rounds otherwise."""
ABSOLUTE_OF_BIAS = 5e-3
"""In the field's units: it is a small difference between large means."""
RELATIVE_IN_TEXT = 2e-3
"""There they have four digits, of which the last may be another."""


def copied(folder: Path) -> Path:
    """Return a copy of the data in a new folder, closed to others, which git does not record."""
    copy = folder / "sweeps"
    shutil.copytree(DATA, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command: what a person may have set has no say."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SWEEP_")}
    return {**kept, "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "200", **more}


def said(folder: Path, *arguments: str, code: int = 0, **more: str) -> str:
    """Run a command in a folder and return what it prints.

    Args:
        folder: Where; its database is ``sweeps.db``.
        arguments: Of ``run_sweep.py``.
        code: The exit code it must have.
        more: Variables of its environment.
    """
    done = subprocess.run(
        [sys.executable, str(PROJECT / "run_sweep.py"), *arguments],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def trials(folder: Path, study: str) -> list[dict[str, Any]]:
    """Return every trial that has begun of a study as the database file has it, without its times.

    Such trials have parameters.
    """
    with closing(sqlite3.connect(f"file:{folder / 'sweeps.db'}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT trial_id, number, state FROM trials JOIN studies USING (study_id) "
            "WHERE study_name = ? ORDER BY number",
            (study,),
        ).fetchall()
        found = [_trial(connection, *row) for row in rows]
    return [trial for trial in found if trial["params"]]


def _trial(
    connection: sqlite3.Connection, identity: int, number: int, state: str
) -> dict[str, Any]:
    def pairs(columns: str, table: str) -> dict[str, Any]:
        # Names of columns and tables that stand in this file.
        query = f"SELECT {columns} FROM {table} WHERE trial_id = ? ORDER BY 1"  # noqa: S608
        return {str(key): value for key, value in connection.execute(query, (identity,))}

    attributes = pairs("key, value_json", "trial_user_attributes")
    record = json.loads(attributes.get("record", "{}"))
    return {
        "number": number,
        "state": state,
        "values": pairs("objective, value", "trial_values"),
        "epochs": pairs("step, intermediate_value", "trial_intermediate_values"),
        "params": pairs("param_name, param_value", "trial_params"),
        "metrics": record.get("judgement", {}).get("overall", {}),
        "guards": {guard["name"]: guard["ok"] for guard in record.get("guards", [])},
    }


class _Text(html.parser.HTMLParser):
    """Keeps the sentences and tables of a page, line by line: no drawings, styles, listings."""

    _LEFT_OUT = ("style", "script", "svg", "pre")
    _CELLS = ("th", "td", "a", "strong", "span", "tr")

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside += tag in self._LEFT_OUT

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in self._LEFT_OUT
        self.text += " " if tag in self._CELLS and tag != "tr" else "\n"

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text += data


def _text(path: Path) -> str:
    """Return the text of a report, without when it was made."""
    reader = _Text()
    reader.feed(path.read_text("utf-8"))
    lines = [" ".join(line.split()) for line in reader.text.splitlines()]
    return "\n".join(line for line in lines if line and "made 20" not in line) + "\n"


def report(folder: Path) -> str:
    """Return what the report of the confirmed study says; it does not find the data."""
    said(folder, "report", "confirmed", "-o", "report.html")
    return _text(folder / "report.html")


@contextmanager
def dashboard(folder: Path) -> Iterator[Callable[[str], bytes]]:
    """Yield a function that asks a running dashboard for a path, with its token."""
    options = ("--port", "0", "--no-open", "--json")
    with subprocess.Popen(
        [sys.executable, str(PROJECT / "run_sweep.py"), "dashboard", *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = json.loads(process.stdout.readline())
            base = str(found["url"]).partition("?")[0]

            def ask(path: str) -> bytes:
                request = urllib.request.Request(  # noqa: S310 - loopback
                    base + path, headers={"Authorization": f"Bearer {found['token']}"}
                )
                with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                    return bytes(response.read())

            yield ask
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def pages(folder: Path) -> dict[str, Any]:
    """Return what the dashboard tells of all studies, in full of one, and what it draws.

    Left out are notes, whose words are another matter.
    """
    with dashboard(folder) as ask:
        studies = json.loads(ask("api/studies"))
        named = {study["study_name"]: study["study_id"] for study in studies["study_summaries"]}
        detail = json.loads(ask(f"api/studies/{named['confirmed']}?after=0"))
        table = ask(f"csv/{named['confirmed']}").decode()
        best = detail["trials"][2]
        pictures = {artifact["filename"]: artifact for artifact in best["artifacts"]}
        drawn = {}
        for name in sorted(pictures)[:2]:
            artifact = pictures[name]["artifact_id"]
            drawn[name] = ask(f"artifacts/{named['confirmed']}/{best['trial_id']}/{artifact}")
    return {
        "studies": studies,
        "trials": [_of_page(trial) for trial in detail.pop("trials")],
        "best": [trial["number"] for trial in detail.pop("best_trials")],
        "study": _in_order(detail),
        "columns": table.splitlines()[0].split(","),
        "rows": len(table.splitlines()) - 1,
        "pictures": sorted(pictures),
        "drawn": {name: content[1:4].decode("ascii") for name, content in drawn.items()},
    }


def _in_order(detail: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a study in one order: that of what was searched is another every time."""
    for found in detail["union_search_space"]:
        found["distribution"].get("choices", []).sort(key=str)
    detail["union_search_space"].sort(key=lambda found: str(found["name"]))
    detail["union_user_attrs"].sort(key=lambda found: str(found["key"]))
    return detail


def _of_page(trial: dict[str, Any]) -> dict[str, Any]:
    shown = ("number", "state", "values", "intermediate_values", "params", "user_attrs")
    return {key: trial[key] for key in shown if key in trial}


def _gone_on(folder: Path, study: str, *command: str) -> dict[str, Any]:
    """Return where a study stands after a command that ends it; what was complete must stay."""
    before = [trial for trial in trials(folder, study) if trial["state"] == "COMPLETE"]
    status = json.loads(said(folder, *command, "--json"))
    after = trials(folder, study)
    assert [trial for trial in after if trial["number"] in {t["number"] for t in before}] == before
    return {"status": status, "trials": after}


def stopped(folder: Path) -> dict[str, Any]:
    return _gone_on(folder, "stopped", "resume", "stopped", "--data", "field.nc")


def paused(folder: Path) -> dict[str, Any]:
    return _gone_on(folder, "paused", "resume", "paused", "--data", "field.nc")


def script(folder: Path) -> dict[str, Any]:
    """Go on with the scripts' study; where its project is now, the configuration says."""
    return _gone_on(folder, "script", "start", "project/sweep.yaml")


def confirmed(folder: Path) -> Any:
    """Confirm with a third seed what is confirmed with two; the study is told where its data are.

    Nothing is trained by the first command.
    """
    _gone_on(folder, "confirmed", "resume", "confirmed", "--data", "field.nc")
    more = ("--top", "1", "--seeds", "3", "--json")
    return json.loads(said(folder, "confirm", "confirmed", *more))


def trained(folder: Path) -> dict[str, Any]:
    """Train the export, and forecast with the net that comes out."""
    said(folder, "train", "best.yaml", "-o", "again", "--set", "data.path=field.nc")
    metrics = json.loads((folder / "again/metrics.json").read_text("utf-8"))
    return {"metrics": metrics, "files": sorted(path.name for path in (folder / "again").iterdir())}


def forecast(folder: Path) -> dict[str, Any]:
    words = said(folder, "predict", "run", "--steps", "3", "--data", "field.nc", "-o", "f.nc")
    with xr.open_dataset(folder / "f.nc", engine="h5netcdf") as found:
        plume = found["plume"].load()
    return {
        "said": words,
        "units": plume.attrs["units"],
        "times": [str(time) for time in plume["time"].values],
        "values": [None if math.isnan(v) else round(v, 4) for v in plume.values.ravel().tolist()],
    }


def names(folder: Path) -> list[dict[str, Any]]:
    """Sweep over classes and functions that are named by import paths, and export the best."""
    said(folder, "start", "names.yaml", "--quiet", PYTHONPATH=str(folder))
    said(folder, "export", "names", "-o", "names-best.yaml", "--trial", "1")
    return trials(folder, "names")


def ensemble(folder: Path) -> Any:
    said(folder, "train", "ensemble.yaml", "-o", "ensemble")
    return json.loads((folder / "ensemble/metrics.json").read_text("utf-8"))


LOOKS: dict[str, Callable[[Path], Any]] = {
    "status.json": lambda folder: json.loads(said(folder, "status", "--json")),
    "status.txt": lambda folder: said(folder, "status"),
    "storage.txt": lambda folder: said(folder, "storage", "check"),
    "confirmed.yaml": lambda folder: said(folder, "export", "confirmed"),
    "script.py.txt": lambda folder: said(folder, "export", "script", "--format", "py"),
    "dashboard.json": pages,
    "report.txt": report,
    "stopped.json": stopped,
    "paused.json": paused,
    "script.json": script,
    "confirmed.json": confirmed,
    "trained.json": trained,
    "forecast.json": forecast,
    "names.json": names,
    "ensemble.json": ensemble,
}


def expected(name: str) -> Any:
    """Return what the program said that wrote the data."""
    text = (EXPECTED / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else text


NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def differences(wanted: Any, found: Any, where: str = "") -> list[str]:
    """Return where two trees of plain values differ, numbers by more than rounding.

    What has come to a mapping is no difference: scripts that read the old go on.
    """
    if isinstance(wanted, dict) and isinstance(found, dict):
        apart = [f"{where}/{key} is gone" for key in wanted.keys() - found.keys()]
        for key in wanted.keys() & found.keys():
            apart += differences(wanted[key], found[key], f"{where}/{key}")
        return sorted(apart)
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        each = zip(wanted, found, strict=True)
        return [line for i, pair in enumerate(each) for line in differences(*pair, f"{where}/{i}")]
    if isinstance(wanted, str) and isinstance(found, str):
        return _apart(wanted, found, where)
    numbers = isinstance(wanted, float | int) and isinstance(found, float | int)
    if numbers and not isinstance(wanted, bool) and not isinstance(found, bool):
        absolute = ABSOLUTE_OF_BIAS if "/bias" in where else ABSOLUTE
        same = math.isclose(wanted, found, rel_tol=RELATIVE, abs_tol=absolute)
    else:
        same = wanted == found and type(wanted) is type(found)
    return [] if same else [f"{where} was {wanted!r} and is {found!r}"]


def _apart(wanted: str, found: str, where: str) -> list[str]:
    """Return the lines of two texts that differ in words, or in numbers by more than rounding."""
    lines, now = wanted.splitlines(), found.splitlines()
    if len(lines) != len(now):
        return [f"{where} had {len(lines)} lines and has {len(now)}: {found}"]
    pairs = zip(lines, now, strict=True)
    return [
        f"{where} was {one!r} and is {other!r}" for one, other in pairs if not alike(one, other)
    ]


def missing_numbers(wanted: str, found: str) -> list[float]:
    """Return the numbers of a text that another does not have as often, in whatever words."""
    left = [float(number) for number in NUMBER.findall(found)]
    missing = []
    for number in map(float, NUMBER.findall(wanted)):
        same = (
            i for i, now in enumerate(left) if math.isclose(number, now, rel_tol=RELATIVE_IN_TEXT)
        )
        place = next(same, None)
        if place is None:
            missing.append(number)
        else:
            del left[place]
    return missing


def alike(line: str, other: str) -> bool:
    """Return whether two lines have the same words, and the same numbers but for rounding."""
    if line == other:
        return True
    if NUMBER.sub("#", " ".join(line.split())) != NUMBER.sub("#", " ".join(other.split())):
        return False
    pairs = zip(NUMBER.findall(line), NUMBER.findall(other), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=RELATIVE_IN_TEXT) for a, b in pairs)


def main(names: list[str]) -> None:
    """Write what is expected, of all looks or of those that are named."""
    EXPECTED.mkdir(exist_ok=True)
    for name in names or LOOKS:
        with tempfile.TemporaryDirectory() as folder:
            found = LOOKS[name](copied(Path(folder)))
        text = json.dumps(found, indent=1) + "\n" if name.endswith(".json") else found
        (EXPECTED / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
