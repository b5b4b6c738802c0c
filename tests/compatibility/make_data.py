"""Makes the folder ``data`` with the program as it is.

The committed data were made by commit 396ad80, in a folder named in ``MADE_IN``, and are not made
again: what they are good for is that an older program wrote them.
"""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DATA = HERE / "data"
MADE_IN = Path("/srv/sweeps")
BACKUP = MADE_IN / "sweeps.db.files/backups/sweeps.000001.db"
WRITTEN = ("sweep.yaml", "promotion.yaml", "project", "names.yaml", "ensemble.yaml", "own")
STORAGE = ("--storage", "sqlite:///sweeps.db")
LIMIT_S = 120.0


def main() -> None:
    """Make everything in ``MADE_IN``, where paths tell nothing of a machine, and move it here."""
    MADE_IN.mkdir(parents=True)
    for name in WRITTEN:
        copy = shutil.copytree if (DATA / name).is_dir() else shutil.copyfile
        copy(DATA / name, MADE_IN / name)
    simulate = ("-m", "data.plumes", "--frames", "120", "--size", "16", "--seed", "5")
    _python(PROJECT, *simulate, "-o", str(MADE_IN / "field.nc"))

    _run("start", "sweep.yaml")
    shutil.copyfile(BACKUP, MADE_IN / "backup.db")  # of the copies of the database one is enough
    few = ("--set", "recovery.keep_best=0")
    _run("start", "sweep.yaml", "--study", "confirmed", *few)
    _run("confirm", "confirmed", "--top", "1", "--seeds", "2")
    slow = ("--set", "training.batch_size=2", "--set", "training.epochs=8", *few)
    _interrupted("stopped", 8 + 8 + 3, "sweep.yaml", "--study", "stopped", "--trials", "4", *slow)
    _interrupted("paused", 4 + 6, "promotion.yaml")
    _interrupted("script", 9, "project/sweep.yaml")

    for form in ("yaml", "json", "py"):
        _run("export", "finished", "-o", f"best.{form}")
    _run("export", "finished", "--next", "-o", "next.yaml")
    _python(MADE_IN, str(PROJECT / "run_sweep.py"), "train", "best.yaml", "-o", "run")

    shutil.rmtree(BACKUP.parent)
    BACKUP.parent.mkdir()
    shutil.move(MADE_IN / "backup.db", BACKUP)
    for path in MADE_IN.rglob("__pycache__"):
        shutil.rmtree(path)
    shutil.rmtree(DATA)
    shutil.move(MADE_IN, DATA)


def _python(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True)


def _run(*arguments: str) -> None:
    _python(MADE_IN, str(PROJECT / "run_sweep.py"), *arguments, *STORAGE)


def _interrupted(name: str, epochs: int, *arguments: str) -> None:
    """Start a sweep and stop it by SIGTERM when so many epochs are told."""
    command = [sys.executable, str(PROJECT / "run_sweep.py"), "start", *arguments, *STORAGE]
    with subprocess.Popen(command, cwd=MADE_IN) as process:
        deadline = time.monotonic() + LIMIT_S
        while _epochs_told(name) < epochs and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 3, "it was to be stopped on its way"


def _epochs_told(study: str) -> int:
    with closing(sqlite3.connect(f"file:{MADE_IN}/sweeps.db?mode=ro", uri=True)) as connection:
        found = connection.execute(
            "SELECT count(*) FROM trial_intermediate_values JOIN trials USING (trial_id) "
            "JOIN studies USING (study_id) WHERE study_name = ?",
            (study,),
        )
        return int(found.fetchone()[0])


if __name__ == "__main__":
    main()
