"""Sweeps of an earlier version: what the commands made of them then they make of them now."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compatibility.looks import (
    DATA,
    EXPECTED,
    LOOKS,
    MADE_IN,
    copied,
    differences,
    expected,
    missing_numbers,
    said,
)

OUTSIDE = pytest.mark.outside
GONE_ON_WITH = ("stopped.json", "paused.json", "script.json", "confirmed.json", "trained.json")


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of five studies; to be looked at alone."""
    return copied(tmp_path_factory.mktemp("old"))


@pytest.mark.parametrize("name", ["status.json", pytest.param("status.txt", marks=OUTSIDE)])
def test_a_look_at_an_old_sweep_shows_what_it_did(name: str, sweeps: Path) -> None:
    assert differences(expected(name), LOOKS[name](sweeps)) == []


@pytest.mark.parametrize(
    ("study", "options", "file"),
    [
        ("finished", (), DATA / "best.yaml"),
        pytest.param("finished", ("--format", "json"), DATA / "best.json", marks=OUTSIDE),
        pytest.param("finished", ("--format", "py"), DATA / "best.py", marks=OUTSIDE),
        pytest.param("finished", ("--next",), DATA / "next.yaml", marks=OUTSIDE),
        pytest.param("confirmed", (), EXPECTED / "confirmed.yaml", marks=OUTSIDE),
        ("script", ("--format", "py"), EXPECTED / "script.py.txt"),
    ],
)
def test_an_old_sweep_is_exported_to_the_same_text(
    study: str, options: tuple[str, ...], file: Path, sweeps: Path
) -> None:
    """What has come to an export since is no difference."""
    wanted, found = file.read_text("utf-8"), said(sweeps, "export", study, *options)
    assert found.splitlines()[0] == wanted.splitlines()[0]
    assert differences(_content(wanted), _content(found)) == []


def _content(exported: str) -> Any:
    """Return the values in a YAML, JSON or Python file."""
    if not exported.startswith('"""'):
        return yaml.safe_load(exported)
    assigned = (node for node in ast.parse(exported).body if isinstance(node, ast.Assign))
    return {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in assigned}


def test_no_path_but_that_of_the_folder_they_were_made_in_stands_in_the_data() -> None:
    for path in (path for path in DATA.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for word in (b"/home/", b"/tmp/", b"/root/", b"/Users/"):
            assert word not in content, path
    assert MADE_IN.encode() in (DATA / "sweeps.db").read_bytes()
    assert not list(DATA.glob("sweeps.db-*")), "somebody has opened the database in its place"


@pytest.mark.outside
@pytest.mark.parametrize("name", ["storage.txt", "dashboard.json", "forecast.json"])
def test_database_pages_and_forecast_of_old_sweeps_are_the_same(name: str, sweeps: Path) -> None:
    assert differences(expected(name), LOOKS[name](sweeps)) == []


@pytest.mark.outside
def test_the_report_of_an_old_sweep_has_every_number_it_had(sweeps: Path) -> None:
    assert missing_numbers(expected("report.txt"), LOOKS["report.txt"](sweeps)) == []


@pytest.mark.outside
@pytest.mark.parametrize("name", GONE_ON_WITH)
def test_an_old_sweep_is_gone_on_with_to_the_same_end(name: str, tmp_path: Path) -> None:
    assert differences(expected(name), LOOKS[name](copied(tmp_path))) == []
