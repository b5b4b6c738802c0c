"""Control characters of names, units and reasons reach no terminal, whatever prints them."""

import json
import random
import re
import shutil
import sqlite3
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import h5netcdf.legacyapi as netcdf
import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.checking import checks
from fieldsharp.sweep.checking.context import Check
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.commands.console import wide_console
from fieldsharp.sweep.commands.status_view import show_result
from fieldsharp.sweep.dashboard.server import Dashboard
from fieldsharp.sweep.engine import confirm
from fieldsharp.sweep.report import build
from fieldsharp.sweep.study.confirmation.over_seeds import (
    ConfirmedReference,
    ConfirmedTrial,
    SeedOutcome,
    Spread,
)
from fieldsharp.sweep.study.confirmation.records import CONFIRMATION, Confirmation
from fieldsharp.sweep.study.data_summary import BandSummary
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.trial_records import FACTS, PRESET, RECORD, SPEC
from tests.sweep.report.studies import failed

pytestmark = pytest.mark.outside

CONTROLS = (
    [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
    + list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    + ["\u2028", "\u2029"]
)
SEQUENCES = (
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31m",
    "\r\nverdict: SUCCESS\n",
    "[bold red]:smile:[link=https://example.org]",
)
DRAWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[1A|\r?\x1b\[2K")
"""Colours, and the movements of the cursor in a table that is redrawn."""


def _random_strings(count: int) -> list[str]:
    source = random.Random(5)
    signs = [*CONTROLS, *"[]()m;KJ0131Aa\\ "]
    return ["".join(source.choices(signs, k=source.randint(1, 12))) for _ in range(count)]


HOSTILE = [*CONTROLS, *SEQUENCES, *_random_strings(200)]
ALL_OF_IT = "".join(HOSTILE)
NAME = ALL_OF_IT.replace("\0", "")[:480]
"""Of a study: a name ends at a zero byte, and the database takes 512 characters."""


def _raw(text: str) -> list[str]:
    """The control characters in a text but for line breaks."""
    kinds = {"Cc", "Cs", "Zl", "Zp"}
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        c
        for c in text
        if c != "\n"
        and (
            unicodedata.category(c) in kinds
            or unicodedata.bidirectional(c) in turning
            or c in "\u061c\u200e\u200f"
        )
    ]


def _write_field(path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(80, 12, 12)).astype("f4")
    foreign = "".join(c for c in ALL_OF_IT if c not in "\0/")  # no name in HDF5 may hold those
    with netcdf.Dataset(path, "w") as file:
        for name, size in (("time", 80), ("y", 12), ("x", 12)):
            file.createDimension(name, size)
        file.createVariable("time", "f8", ("time",))[:] = np.arange(80.0)
        variable = file.createVariable(f"v{foreign}", "f4", ("time", "y", "x"))
        variable[:] = values
        variable.units = foreign
        variable.long_name = foreign
        file.title = foreign


def _confirmation() -> Confirmation:
    """What confirming the study came to, as a database may hold it."""
    band = BandSummary(low=1.0, high=2.0, offset=0.0)
    outcomes = [SeedOutcome(seed=1, failure=reason) for reason in HOSTILE]
    trial = ConfirmedTrial(
        trial=0,
        configuration=ALL_OF_IT,
        score=None,
        held_score=Spread(mean=1.0, error=None),
        gradient=None,
        peak=None,
        rmse=None,
        rmse_over_baseline=None,
        below_baseline=None,
        feasible=0,
        outcomes=outcomes,
        sharpening=ALL_OF_IT,
    )
    reference = ConfirmedReference(
        name=ALL_OF_IT, **trial.model_dump(exclude={"trial", "configuration", "sharpening"})
    )
    return Confirmation(
        winner=None,
        sentence=ALL_OF_IT,
        baseline=0,
        seeds=[1],
        finished_trials=8,
        gradient=band,
        peak=band,
        trials=[trial],
        references=[reference],
    )


def _rename(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE studies SET study_name = ?", (NAME,))
    database.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, finished_url: str) -> Path:
    """A folder with a database whose study holds hostile text wherever text can stand."""
    folder = tmp_path_factory.mktemp("hostile")
    copy_database(finished_url, folder / "x.db")
    url = f"sqlite:///{folder / 'x.db'}"
    shutil.copytree(files_folder(finished_url), files_folder(url))
    study = load_study(open_database(url, "write"), "tiny")
    facts = study.user_attrs[FACTS]
    study.set_user_attr(FACTS, {**facts, "variable": ALL_OF_IT, "units": ALL_OF_IT})
    trials = study.get_trials()
    best = min(trials[1:], key=lambda trial: trial.value or 9.0)
    study.add_trials([failed(trials[1], reason) for reason in HOSTILE])
    study.add_trial(
        create_trial(
            value=0.0,
            params={**best.params, ALL_OF_IT: ALL_OF_IT},
            distributions={**best.distributions, ALL_OF_IT: CategoricalDistribution((ALL_OF_IT,))},
            user_attrs={
                ALL_OF_IT: ALL_OF_IT,
                PRESET: ALL_OF_IT,
                SPEC: {**best.user_attrs[SPEC], "preset": ALL_OF_IT},
                RECORD: {**best.user_attrs[RECORD], "score": 0.0, "device": ALL_OF_IT},
            },
            system_attrs={k: v for k, v in best.system_attrs.items() if "constraints" in k},
        )
    )
    study.set_user_attr(CONFIRMATION, json.loads(_confirmation().model_dump_json()))
    _rename(folder / "x.db")
    _write_field(folder / "field.nc")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, to work in."""
    for path in made.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWEEP_STORAGE", "sqlite:///x.db")
    return tmp_path


FIELD = ("field.nc", "field.nc")
COMMANDS: dict[str, Sequence[str]] = {
    "status": ("status", NAME),
    "all studies": ("status",),
    "status as JSON": ("status", NAME, "--json"),
    "a watched study": ("status", NAME, "--watch"),
    "a watched study as JSON": ("status", NAME, "--watch", "--json"),
    "storage": ("storage",),
    "storage check": ("storage", "check"),
    "storage check as JSON": ("storage", "check", "--json"),
    "storage backup": ("storage", "backup"),
    "storage upgrade": ("storage", "upgrade"),
    "export as YAML": ("export", NAME),
    "export as JSON": ("export", NAME, "--format", "json"),
    "export as Python": ("export", NAME, "--format", "py"),
    "the next sweep": ("export", NAME, "--next"),
    "report": ("report", NAME, "-o", "report.html"),
    "report as JSON": ("report", NAME, "-o", "report.html", "--json"),
    "stop": ("stop", NAME),
    "stop as JSON": ("stop", NAME, "--json"),
    "confirm": ("confirm", NAME),
    "confirm as JSON": ("confirm", NAME, "--json"),
    "dashboard": ("dashboard", "--port", "0", "--no-open"),
    "dashboard as JSON": ("dashboard", "--port", "0", "--no-open", "--json"),
    "check": ("check", "tiny.yaml"),
    "check as JSON": ("check", "tiny.yaml", "--json"),
    "evaluate": ("evaluate", *FIELD),
    "evaluate as JSON": ("evaluate", *FIELD, "--json"),
}


def _on(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color" if terminal else "dumb")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: terminal)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_a_control_character(
    folder: Path,
    command: str,
    tiny_yaml: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Dashboard, "serve", lambda _: None)
    monkeypatch.setattr(confirm, "confirm_study", lambda *_: _confirmation())
    report = build.BuiltReport(
        Path(ALL_OF_IT), 1, 2, ALL_OF_IT, test_split=False, why_no_test=ALL_OF_IT
    )
    monkeypatch.setattr(build, "make_report", lambda *_: report)
    found = Check(name=ALL_OF_IT, ok=False, detail=ALL_OF_IT, fix=ALL_OF_IT)
    monkeypatch.setattr(checks, "checks_of", lambda _: [found])
    shutil.copy(tiny_yaml, "tiny.yaml")
    for terminal in (False,) if "--json" in COMMANDS[command] else (False, True):
        _on(terminal, monkeypatch)
        code = main(COMMANDS[command])
        said = capsys.readouterr()
        assert (code, said.err) == (command.startswith("check"), "")
        assert said.out
        assert _raw(DRAWN.sub("", said.out) if terminal else said.out) == []


@pytest.mark.parametrize("terminal", [False, True], ids=["in a pipe", "on a terminal"])
def test_no_sweep_ends_with_a_control_character(
    folder: Path,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = "sqlite:///x.db"
    _on(terminal, monkeypatch)
    show_result(
        study_status(load_study(open_database(url, "read"), NAME), url), url, wide_console()
    )
    said = capsys.readouterr().out
    assert "commands that follow:" in said
    assert _raw(DRAWN.sub("", said) if terminal else said) == []


PIECES = (HOSTILE[:-200], HOSTILE[-200:-100], HOSTILE[-100:])
"""What an error shows is cut at 4000 characters."""
NAMING: dict[str, Sequence[str]] = {
    "a study": ("status",),
    "a watched study": ("status", "--watch"),
    "a study to resume": ("resume",),
    "a study to confirm": ("confirm",),
    "a study to stop": ("stop",),
    "a study to export": ("export",),
    "a study to report": ("report",),
    "a configuration": ("start",),
    "a setting": ("start", "tiny.yaml", "--set"),
    "a study to start": ("start", "tiny.yaml", "--study"),
    "a checked configuration": ("check",),
    "a database": ("status", "--storage"),
    "a checked database": ("storage", "check", "--storage"),
    "a database to back up": ("storage", "backup", "--storage"),
    "a database to upgrade": ("storage", "upgrade", "--storage"),
    "a place of a backup": ("storage", "backup", "-o"),
    "a backup": ("storage", "restore"),
    "a command": (),
    "a command of storage": ("storage",),
    "an option": ("status", "--jsn"),
    "a forecast": ("evaluate", "field.nc"),
    "a variable": ("evaluate", *FIELD, "--variable"),
    "a selection": ("evaluate", *FIELD, "--select"),
    "a baseline": ("evaluate", *FIELD, "--baseline"),
    "a run folder": ("predict", "--steps", "1", "-o", "x.nc"),
    "a place of a forecast": ("predict", "run", "--steps", "1", "-o"),
    "a number": ("status", "--interval"),
    "a trained configuration": ("train", "-o", "run"),
    "a host": ("dashboard", "--no-open", "--port", "0", "--host"),
    "a certificate": ("dashboard", "--no-open", "--port", "0", "--certfile"),
    "a format": ("export", NAME, "--format"),
}


@pytest.mark.parametrize("what", NAMING)
def test_no_argument_brings_out_a_control_character(
    folder: Path, what: str, tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tiny_yaml, "tiny.yaml")
    for strings in PIECES:
        text = "x" + "".join(strings).replace("/", "")
        code = main([*NAMING[what], text])
        said = capsys.readouterr()
        assert code in (0, 1, 2)
        assert _raw(said.out + said.err) == []
        assert len((said.out + said.err).splitlines()) == 1
