"""Databases in folders with odd names: every command finds the one file that was named."""

import json
import os
import shlex
from pathlib import Path

import pytest

from fieldsharp.storage.location.url import as_option
from fieldsharp.sweep.command_line import main
from tests.storage.databases import trials_in, with_study

ODD = [
    "100% My%20Dr#ive {x} a:b&c=d;e @ Größe",
    'what?now/?timeout=5/*[a]/~/$HOME/it\'s "it"/back\\slash/new\nline/token=abcdef',
]
READING = (("status",), ("storage", "check"), ("storage", "check", "--json"))


@pytest.fixture(params=ODD, ids=ascii)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / str(request.param)
    folder.mkdir(parents=True)
    with_study(folder / "sweeps.db", trials=2)
    return folder


def _files(folder: Path) -> set[Path]:
    """Return the files in a folder and below, but for what is kept beside a database."""
    return {
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.endswith(".files") for part in path.parts)
        and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.mark.parametrize("is_default", [True, False], ids=["default", "absolute"])
def test_every_command_finds_the_database(
    odd: Path,
    is_default: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(odd if is_default else tmp_path)
    option = [] if is_default else ["--storage", f"sqlite:///{odd}/sweeps.db"]
    for command in READING:
        code = main([*command, *option])
        said, complaint = capfd.readouterr()
        assert (code, complaint) == (0, ""), command
        assert said
        if "--json" in command:
            assert [study["name"] for study in json.loads(said)["studies"]] == ["s"]
    for missing in (["status", "none"], ["stop", "none"], ["export", "none", "-o", "x.yaml"]):
        assert main([*missing, *option]) == 2
        assert "none" in capfd.readouterr().err
    for command in (("backup",), ("restore",), ("upgrade",)):
        code = main(["storage", *command, *option])
        assert code == 0, capfd.readouterr().err
    database = odd / "sweeps.db"
    assert _files(tmp_path) == {database, odd / "sweeps.db.damaged-1"}
    assert trials_in(database) == 2


def test_a_command_that_is_printed_works_when_it_is_typed(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = as_option(f"sqlite:///{odd}/sweeps.db")
    assert main(["storage", "check", *shlex.split(printed)]) == 0


def test_the_address_in_the_environment_is_the_same_file(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWEEP_STORAGE", f"sqlite:///{odd}/sweeps.db")
    assert main(["storage", "check"]) == 0
    assert os.environ["SWEEP_STORAGE"]
