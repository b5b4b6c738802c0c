"""The coordinator's process imports no torch: only workers do, each with its GPU chosen before."""

import subprocess
import sys

import pytest

from fieldsharp.core.checkout import PROJECT

EPOCH_LOSSES = "sweep.study.epoch_report imports EpochLosses from model.training, which needs torch"
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
UNTIL_EPOCH_LOSSES_MOVE = {
    "fieldsharp.sweep.execution.executor",
    "fieldsharp.sweep.execution.factory",
    "fieldsharp.sweep.execution.local.executor",
    "fieldsharp.sweep.execution.ray.plan",
    "fieldsharp.sweep.monitoring.live_progress",
    "fieldsharp.sweep.engine.coordinator",
}


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(
            module,
            marks=[pytest.mark.xfail(strict=False, reason=EPOCH_LOSSES)]
            if module in UNTIL_EPOCH_LOSSES_MOVE
            else [],
        )
        for module in MODULES
    ],
)
def test_a_module_of_the_coordinators_process_imports_no_torch(module: str) -> None:
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=PROJECT).returncode == 0
