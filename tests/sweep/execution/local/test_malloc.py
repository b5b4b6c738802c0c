from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from fieldsharp.sweep.execution.local.malloc import keep_freed_memory

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
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_is_taken_again() -> None:
    assert _pages_cleared("kept") < 1_000 < 10_000 < _pages_cleared("given back")
