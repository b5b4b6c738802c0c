"""The coordinator's process imports no torch: only workers do, each with its GPU chosen before."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_the_coordinators_process_imports_no_torch(module: str) -> None:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=PROJECT).returncode == 0
