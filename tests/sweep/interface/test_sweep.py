"""Sweeps from Python: in a script without a guard, in a thread, and in a notebook's kernel."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fieldsharp
from fieldsharp.core.checkout import PROJECT

SETTINGS = {
    "study": "tiny",
    "data": {"path": "plumes.nc", "history": 2, "horizon": 2, "train_every": 4},
    "predictor": {"name": "unet", "width": 4},
    "training": {"epochs": 2, "batch_size": 8, "device": "cpu", "precision": "float32"},
    "search": {"presets": "baseline"},
    "budget": {"trials": 2, "stop_on_nothing_to_fix": False},
    "workers": {"count": 1},
}
START = f"""
import logging, os, signal, threading
import fieldsharp, optuna, xarray as xr
settings = {SETTINGS!r}
data = xr.open_dataset({{file!r}}, engine="h5netcdf")["plume"]
before = signal.getsignal(signal.SIGINT), optuna.logging.get_verbosity(), logging.root.handlers[:]
"""
SCRIPT = (
    START
    + """
study = fieldsharp.sweep(settings, data, storage="sqlite:///x.db")
def more():
    fieldsharp.sweep(settings, data, storage="sqlite:///x.db", trials=3)
thread = threading.Thread(target=more)
thread.start()
thread.join()
after = signal.getsignal(signal.SIGINT), optuna.logging.get_verbosity(), logging.root.handlers[:]
assert before == after
children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
names = [open(f"/proc/{child}/cmdline").read() for child in children]
assert not [name for name in names if "resource_tracker" not in name], names
print("trials", list(study.trials["state"]))
"""
)
INTERRUPTED = (
    START
    + """
settings["training"]["epochs"] = 400
study = fieldsharp.sweep(settings, data, storage="sqlite:///x.db")
"""
)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT)}


@pytest.mark.slow
def test_a_script_needs_no_guard_and_a_thread_may_sweep(plume_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT.replace("{file!r}", repr(str(plume_file))))
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count("trial 0 (baseline)") == 1
    assert done.stdout.splitlines()[-1] == "trials ['complete', 'complete', 'complete']"
    kept = list((tmp_path / "x.db.files" / "data").iterdir())
    assert len(kept) == 1, "the same data are kept once"


@pytest.mark.outside
def test_interrupting_a_cell_returns_a_study_that_goes_on(plume_file: Path, tmp_path: Path) -> None:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(tmp_path), env=_environment())
    try:
        client.execute(INTERRUPTED.replace("{file!r}", repr(str(plume_file))))
        deadline = time.monotonic() + 200
        shown = ""
        while "baseline" not in shown and time.monotonic() < deadline:
            shown += json.dumps(client.get_iopub_msg(timeout=200)["content"], default=str)
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=120)
        assert reply["content"]["status"] == "ok", reply["content"]
        assert client.execute("study.status().states['RUNNING']", reply=True, timeout=60)
        told = client.execute(
            "", user_expressions={"states": "study.status().states"}, reply=True, timeout=60
        )
        states = told["content"]["user_expressions"]["states"]["data"]["text/plain"]
        assert "'RUNNING': 0" in states
        assert "'WAITING': 1" in states
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_wrong_settings_are_errors_of_the_project(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with pytest.raises(fieldsharp.FieldsharpError, match=r"did you mean training\.epochs"):
        fieldsharp.sweep({**SETTINGS, "training": {"epoch": 2}}, storage=url)
    with pytest.raises(fieldsharp.FieldsharpError, match=r"missing\.nc"):
        fieldsharp.sweep(SETTINGS, "missing.nc", storage=url, quiet=True)
    with pytest.raises(fieldsharp.FieldsharpError, match="config must be the path"):
        fieldsharp.sweep(3, storage=url)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
