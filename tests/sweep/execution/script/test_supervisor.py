"""The supervisor of a script: when it or its owner dies, no process of the script is left."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fieldsharp.sweep.execution.script.process import SUPERVISOR
from tests.sweep.execution.script.scripts import is_alive, pid_in

SLEEPS = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open("pids.partial", "w") as file:
    file.write(f"{os.getpid()}")
with open("child.partial", "w") as file:
    file.write(f"{child.pid}")
os.rename("pids.partial", "script")
os.rename("child.partial", "child")
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["owner", "supervisor"])
def test_when_its_owner_or_its_supervisor_dies_the_script_ends_too(
    tmp_path: Path, how: str
) -> None:
    ours, theirs = os.pipe()
    supervisor = subprocess.Popen(
        [*SUPERVISOR, str(theirs), "0.2", SUPERVISOR[0], "-c", SLEEPS],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        pass_fds=(theirs,),
    )
    os.close(theirs)
    _wait_until_there(tmp_path / "child")
    script, child = pid_in(tmp_path / "script"), pid_in(tmp_path / "child")
    assert is_alive(script)
    assert supervisor.stdin is not None
    if how == "owner":
        supervisor.stdin.close()  # as the kernel does when a process dies
        supervisor.wait(5)
        assert os.read(ours, 100).startswith(b"signal 15 ")
        assert not is_alive(child)
    else:
        supervisor.kill()
        supervisor.wait(5)
        supervisor.stdin.close()
        os.kill(child, signal.SIGKILL)  # nobody is left to do it
    os.close(ours)
    deadline = time.monotonic() + 2
    while is_alive(script) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(script)


def test_a_supervisor_says_what_could_not_be_started(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    command = [*SUPERVISOR, str(theirs), "0.2", str(tmp_path / "nothing")]
    with subprocess.Popen(command, pass_fds=(theirs,), stdin=subprocess.PIPE) as supervisor:
        assert supervisor.wait(10) == 0
    os.close(theirs)
    assert os.read(ours, 100).startswith(b"start No such file or directory\n")
    os.close(ours)


def test_a_supervisor_needs_neither_the_project_nor_a_folder_nor_an_environment(
    tmp_path: Path,
) -> None:
    assert Path(SUPERVISOR[-1]).is_absolute()
    alone = tmp_path / "alone.py"
    shutil.copy(SUPERVISOR[-1], alone)
    (tmp_path / "ctypes.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    ours, theirs = os.pipe()
    command = [*SUPERVISOR[:-1], str(alone), str(theirs), "0.2", SUPERVISOR[0], "-c", "exit(3)"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={}, pass_fds=(theirs,), stdin=subprocess.PIPE
    ) as supervisor:
        assert supervisor.wait(10) == 0
    os.close(theirs)
    assert os.read(ours, 100).startswith(b"exit 3 ")
    os.close(ours)


def _wait_until_there(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} was not written"
        time.sleep(0.01)
