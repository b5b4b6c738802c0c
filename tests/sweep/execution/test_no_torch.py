"""The coordinator's process imports no torch: only workers do, each with its GPU chosen before."""

import subprocess
import sys

from fieldsharp.core.checkout import PROJECT

MODULES = (
    "fieldsharp.sweep.execution.executor",
    "fieldsharp.sweep.execution.factory",
    "fieldsharp.sweep.execution.gpus",
    "fieldsharp.sweep.execution.leftover_processes",
    "fieldsharp.sweep.execution.local.entrypoint",
    "fieldsharp.sweep.execution.local.executor",
    "fieldsharp.sweep.execution.ray.connection",
    "fieldsharp.sweep.execution.ray.plan",
    "fieldsharp.sweep.execution.script.preflight",
    "fieldsharp.sweep.execution.script.project_snapshot",
    "fieldsharp.sweep.monitoring.live_progress",
    "fieldsharp.sweep.engine.coordinator",
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
