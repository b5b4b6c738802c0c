"""The entry of a worker."""

import os
import platform
import subprocess
import sys

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.secret_variables import SECRET_VARIABLES

LOOKS = """
import os, sys, types
from fieldsharp.core.secret_variables import SECRET_VARIABLES
from fieldsharp.sweep.execution.local.entrypoint import serve

class Looking:
    def __init__(self, pipe, gpu): pass
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


ALLOCATES = """
import resource, sys
import numpy as np
from fieldsharp.sweep.execution.local.entrypoint import keep_freed_memory

def batch():
    return [np.ones(250_000) for _ in range(12)]  # 24 MB

def cleared():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(3):
    batch()
before = cleared()
for _ in range(10):
    batch()
print(cleared() - before)
"""


def _pages_cleared(how: str) -> int:
    found = subprocess.run(
        [sys.executable, "-c", ALLOCATES, how], capture_output=True, text=True, check=True
    )
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_taken_again() -> None:
    assert _pages_cleared("kept") < 1_000 < 10_000 < _pages_cleared("given back")
