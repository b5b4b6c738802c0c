"""The most memory that a program and its processes hold, as Linux counts it.

Not what ``getrusage`` says: a process begins there with the figure of the one that started it.
"""

import subprocess
import threading
from pathlib import Path

LOOK_EVERY_S = 0.05
PROC = Path("/proc")
WORKER = "spawn_main"
"""In the command line of every process that Python's multiprocessing spawns to work."""


class MemoryWatch:
    """Looks at a running program and all it started, until it has ended.

    Attributes:
        peaks_mb: By process, the most memory it held so far (resident).
        workers: Those that were spawned to work.
    """

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self.peaks_mb: dict[int, float] = {}
        self.workers: set[int] = set()
        self._program = program
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait for the last look."""
        self._thread.join()

    def _watch(self) -> None:
        while self._program.poll() is None:
            self._look(self._program.pid)
            try:
                self._program.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue

    def _look(self, pid: int) -> None:
        folder = PROC / str(pid)
        try:
            self.peaks_mb[pid] = _peak_mb((folder / "status").read_text(encoding="utf-8"))
            if WORKER in (folder / "cmdline").read_text(encoding="utf-8"):
                self.workers.add(pid)
            lists = [path.read_text() for path in folder.glob("task/*/children")]
        except (OSError, ValueError):  # it has just ended
            return
        for child in " ".join(lists).split():
            self._look(int(child))


def _peak_mb(status: str) -> float:
    """Return the high-water mark of a process.

    Raises:
        ValueError: If it has ended and holds nothing any more.
    """
    for line in status.splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmHWM")
