"""The entry of a worker."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
LOADS = "import sys, sweep.running.worker_process; sys.exit('torch' in sys.modules)"


def test_a_worker_makes_sure_of_its_end_before_it_loads_torch() -> None:
    assert subprocess.run([sys.executable, "-c", LOADS], cwd=PROJECT).returncode == 0
