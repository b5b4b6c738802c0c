"""The coordinator's process imports no torch: only workers do, each with its GPU chosen before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.execution.local.forked_process import can_fork

MODULES = (
    "fieldsharp.sweep.execution.executor",
    "fieldsharp.sweep.execution.factory",
    "fieldsharp.sweep.execution.gpus",
    "fieldsharp.sweep.execution.leftover_processes",
    "fieldsharp.sweep.execution.local.entrypoint",
    "fieldsharp.sweep.execution.local.executor",
    "fieldsharp.sweep.execution.local.fork_server",
    "fieldsharp.sweep.execution.local.plan",
    "fieldsharp.sweep.execution.ray.connection",
    "fieldsharp.sweep.execution.ray.plan",
    "fieldsharp.sweep.execution.script.preflight",
    "fieldsharp.sweep.execution.script.project_snapshot",
    "fieldsharp.sweep.monitoring.live_progress",
    "fieldsharp.sweep.engine.coordinator",
    "fieldsharp.sweep.engine.run",
    "fieldsharp.sweep.commands.sweep_run",
    "fieldsharp.sweep.study.repository",
    "fieldsharp.storage.database",
)


IMPORTS = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
    if "torch" in sys.modules:
        sys.exit(name)
"""


def test_modules_of_the_coordinators_process_import_no_torch() -> None:
    command = [sys.executable, "-c", IMPORTS, *MODULES]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), "the first that imports torch, or an error"


STARTS = """
import sys
from fieldsharp.sweep.command_line import main
if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.exit(code or "torch" in sys.modules)
"""


@pytest.mark.skipif(not can_fork(), reason="it checks the data itself where it cannot fork")
def test_a_sweep_is_run_without_torch_in_the_process_that_was_started(
    tiny_yaml: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(STARTS)
    few = ["--set", "budget.trials=2", "--set", "training.epochs=1", "--workers", "2", "--quiet"]
    url = f"sqlite:///{tmp_path / 'sweeps.db'}"
    done = subprocess.run(
        [sys.executable, program, "start", str(tiny_yaml), "--storage", url, *few],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
