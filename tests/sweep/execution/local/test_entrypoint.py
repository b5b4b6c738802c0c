"""The entry of a worker."""

import os
import subprocess
import sys

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.secret_variables import SECRET_VARIABLES

LOOKS = """
import os, sys, types
from fieldsharp.core.secret_variables import SECRET_VARIABLES
from fieldsharp.sweep.execution.local.entrypoint import serve

class Looking:
    def __init__(self, pipe, card): pass
    def serve(self): print([name for name in SECRET_VARIABLES if name in os.environ])

WORKER = "fieldsharp.sweep.execution.local.worker"
sys.modules[WORKER] = types.SimpleNamespace(Worker=Looking)  # no torch
serve(None, None, os.getppid())
"""
LOADS = "import sys, fieldsharp.sweep.execution.local.entrypoint; sys.exit('torch' in sys.modules)"


def test_a_worker_makes_sure_of_its_end_before_it_loads_torch() -> None:
    assert subprocess.run([sys.executable, "-c", LOADS], cwd=PROJECT).returncode == 0


def test_a_worker_has_no_secrets_before_code_of_the_user_is_loaded() -> None:
    secrets = dict.fromkeys(SECRET_VARIABLES, "hunter2")
    found = subprocess.run(
        [sys.executable, "-c", LOOKS],
        cwd=PROJECT,
        env={**os.environ, **secrets},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "[]\n"
