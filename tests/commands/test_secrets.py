"""A password in $SWEEP_STORAGE: never said, never handed on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import SECRET_VARIABLES, STORAGE_VARIABLE, TOKEN_VARIABLE
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.commands.options import storage_address
from fieldsharp.sweep.study.provenance import git_commit

PASSWORD = "hunter2-of-the-sweep"  # noqa: S105 - made up
ADDRESS = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/db"

LOOK_AT_A_CHILD = """
import multiprocessing, os, sys, time
from pathlib import Path
from fieldsharp.sweep.commands.options import storage_address

if __name__ == "__main__":
    address = storage_address(os.environ["SWEEP_STORAGE"])
    assert "hunter2" in address
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,), daemon=True)
    child.start()
    # Until it runs what it was started for, the child is a copy of this process.
    deadline = time.monotonic() + 60
    seen = b""
    while b"spawn" not in seen and time.monotonic() < deadline:
        seen = Path(f"/proc/{child.pid}/cmdline").read_bytes()
        time.sleep(0.01)
    print(Path(f"/proc/{child.pid}/cmdline").read_bytes())
    print(Path(f"/proc/{child.pid}/environ").read_bytes())
    print(Path("/proc/self/cmdline").read_bytes())
    child.kill()
"""


@pytest.mark.parametrize(
    "address", [ADDRESS, f"host=h password={PASSWORD}", f"nosuchdb://ann:{PASSWORD}@h/db"]
)
def test_a_run_with_debug_says_no_password(address: str, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, PROJECT / "run_sweep.py", "--debug", "status"],
        env={**os.environ, STORAGE_VARIABLE: address},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert said.returncode in (1, 2)  # 1 where the driver is installed: that server is away
    assert "Traceback (most recent call last)" in said.stderr
    assert "***" in said.stderr.splitlines()[-1]
    assert PASSWORD not in said.stdout + said.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_a_library_says_of_the_password_alone_is_masked_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, "sqlite:///x.db?password=hunter2%20secret")
    assert main(["status", "--no-hunter2 secret"]) == 2
    said = capsys.readouterr().err
    assert "No such option: --no-***" in said
    assert "hunter2" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_process_that_is_started_gets_no_password(tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(LOOK_AT_A_CHILD)
    said = subprocess.run(
        [sys.executable, script],
        env={**os.environ, STORAGE_VARIABLE: ADDRESS, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "spawn" in said.stdout
    assert PASSWORD not in said.stdout + said.stderr


def test_an_address_with_a_password_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, ADDRESS)
    assert storage_address(ADDRESS) == ADDRESS
    assert STORAGE_VARIABLE not in os.environ


@pytest.mark.parametrize("arguments", [["status"], ["--debug", "status", "dashboard"], []])
def test_the_token_of_a_dashboard_is_taken_out_by_every_other_command(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOKEN_VARIABLE, "hunter2-of-the-dashboard")
    main(arguments)
    assert TOKEN_VARIABLE not in os.environ
    assert "hunter2" not in "".join(capsys.readouterr())


def test_git_is_started_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "hunter2")
    git = tmp_path / "git"
    git.write_text(f"#!/bin/sh\nenv >> {tmp_path / 'seen'}\necho 1234\n")
    git.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert git_commit().startswith("1234")
    assert "hunter2" not in (tmp_path / "seen").read_text()


def test_it_is_taken_out_where_another_was_given_and_an_open_one_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(STORAGE_VARIABLE, ADDRESS)
    assert storage_address("sqlite:///x.db") == "sqlite:///x.db"
    assert STORAGE_VARIABLE not in os.environ
    monkeypatch.setenv(STORAGE_VARIABLE, "sqlite:///y.db")
    assert storage_address("sqlite:///y.db") == "sqlite:///y.db"
    assert os.environ[STORAGE_VARIABLE] == "sqlite:///y.db"


@pytest.mark.parametrize("address", [ADDRESS, f"postgresql://h/db?sslpassword={PASSWORD}"])
def test_a_password_by_argument_is_refused_without_being_said(address: str) -> None:
    with pytest.raises(
        ConfigError, match=r"carries a password, which every user of this machine"
    ) as c:
        storage_address(address)
    assert PASSWORD not in str(c.value)


def test_a_name_cannot_drive_the_terminal_nor_fill_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(STORAGE_VARIABLE, raising=False)
    assert main(["train", "\x1b[2J\n.yaml", "-o", "run"]) == 2
    said = capsys.readouterr().err
    assert r"\x1b[2J\n.yaml" in said
    assert len(said.splitlines()) == 1
    assert main(["export", "x" * 100_000, "--format", "yml"]) == 2
    assert main(["train", "/".join(["x" * 200] * 500), "-o", "run"]) == 2
    assert len(capsys.readouterr().err) < 10_000
    tmp = tmp_path / "sweep.yaml"
    tmp.write_text("data: {path: a.nc}")
    assert main(["start", str(tmp), "--study", "\x1b[31mred"]) == 2
    assert "control character" in capsys.readouterr().err
