"""Files removed, made unreadable, or opened by a second name while the sweep runs."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from random import Random

from tests.chaos.faults.fault import Inject
from tests.chaos.faults.storage_faults import continues
from tests.chaos.live_sweep import FAILED, FINISHED, REFUSED, LiveSweep, NotInjected
from tests.chaos.workspace import STUDY, WITHOUT_MOUNTS

NOTICED_S = 20.0
COMMAND_S = 120.0
LOG_NOTICED = "was removed while it was in use: what it held was copied"


def remove_log(sweep: LiveSweep, rng: Random) -> list[str]:
    """Remove the write-ahead log, sometimes with its index."""
    _wait(sweep, rng)
    said = sweep.output().count(LOG_NOTICED)
    for suffix in ("-wal", "-shm")[: rng.choice((1, 2))]:
        _beside(sweep, suffix).unlink(missing_ok=True)
    return _noticed(sweep, said) or continues(sweep)


def remove_log_and_kill(sweep: LiveSweep, rng: Random) -> list[str]:
    """Remove the write-ahead log and kill the whole group before anything can be copied."""
    _wait(sweep, rng)
    workers = sweep.workers
    sweep.interrupted += len(workers)
    sweep.retrained += len(workers) * sweep.workspace.epochs  # how far they were, the log knew
    for suffix in ("-wal", "-shm"):
        _beside(sweep, suffix).unlink(missing_ok=True)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.ended()
    return [f"worker {pid} outlived its coordinator" for pid in sweep.gone_within(workers, 2.0)]


def remove_database(sweep: LiveSweep, rng: Random) -> list[str]:
    """Remove the database; it is restored as the error message says."""
    _wait(sweep, rng)
    sweep.interrupted += len(sweep.workers)
    for suffix in ("", "-wal", "-shm")[: rng.choice((1, 3))]:
        _beside(sweep, suffix).unlink(missing_ok=True)
    losses = _ended(sweep, "removed while it was in use")
    if not sweep.workspace.database.exists():
        done = _command(sweep, "storage", "restore", "--storage", sweep.workspace.url)
        if done.returncode:
            losses.append(f"storage restore ended with {done.returncode}: {done.stderr}")
    return losses


def remove_files_folder(sweep: LiveSweep, rng: Random) -> list[str]:
    """Remove the folder beside the database, with the lock and all checkpoints."""
    _wait(sweep, rng)
    sweep.interrupted += len(sweep.workers)
    sweep.retrained += len(sweep.workers) * sweep.workspace.epochs
    shutil.rmtree(sweep.workspace.files, ignore_errors=True)
    return _ended(sweep, "was removed while the study was being run")


def close_files_folder(sweep: LiveSweep, rng: Random) -> list[str]:
    """Take every permission from the folder beside the database for some seconds."""
    if not sweep.obeys_permissions:
        raise NotInjected("this user may read every folder")
    _wait(sweep, rng)
    begun = len(sweep.begun())
    sweep.workspace.files.chmod(0)
    try:
        time.sleep(rng.uniform(3.0, 5.0))
        alive = sweep.running
    finally:
        sweep.workspace.files.chmod(0o700)
    sweep.retrained += len(sweep.begun()) - begun + len(sweep.workers)  # no checkpoints
    if not alive and sweep.ended() != FINISHED:
        return [f"it ended with {sweep.ended()} while its files were closed: {sweep.last_line}"]
    return continues(sweep) if sweep.running else []


def second_name(mounted: bool) -> Inject:
    """Return the fault of a second coordinator on the same file by another name.

    Args:
        mounted: Whether the name is a bind mount of the file alone, instead of a hard link.
    """

    def inject(sweep: LiveSweep, rng: Random) -> list[str]:
        if mounted and WITHOUT_MOUNTS in os.environ:
            raise NotInjected("nothing can be mounted here")
        _wait(sweep, rng)
        name = sweep.workspace.disk / "second" / "y.db"
        name.parent.mkdir(exist_ok=True)
        if mounted:
            name.touch()
            subprocess.run(["mount", "--bind", sweep.workspace.database, name], check=True)
        else:
            name.hardlink_to(sweep.workspace.database)
        try:
            done = _command(
                sweep, "resume", STUDY, "--trials", "99", "--storage", f"sqlite:///{name}"
            )
            alive = sweep.running
        finally:
            if mounted:
                subprocess.run(["umount", "-l", name], check=True)
            shutil.rmtree(name.parent)
        if not alive and done.returncode == FINISHED:
            raise NotInjected("the sweep was over")
        if done.returncode != REFUSED or "same file" not in done.stderr:
            return [f"a second coordinator ended with {done.returncode}: {done.stderr[-300:]}"]
        return []

    return inject


def _wait(sweep: LiveSweep, rng: Random) -> None:
    time.sleep(rng.uniform(0.0, 0.6))
    if not sweep.running:
        raise NotInjected("the sweep was over")


def _beside(sweep: LiveSweep, suffix: str) -> Path:
    database = sweep.workspace.database
    return database.with_name(database.name + suffix)


def _noticed(sweep: LiveSweep, before: int) -> list[str]:
    try:
        sweep.wait(
            "word of the log",
            lambda: sweep.output().count(LOG_NOTICED) > before or not sweep.running,
            NOTICED_S,
        )
    except TimeoutError as error:
        return [str(error)]
    return []


def _ended(sweep: LiveSweep, words: str) -> list[str]:
    """Wait until the sweep ends by itself with the reason."""
    try:
        code = sweep.ended(NOTICED_S)
    except subprocess.TimeoutExpired:
        return [f"that something was {words} was not noticed within {NOTICED_S:g} s"]
    if code == FINISHED:
        return []
    if code != FAILED or words not in sweep.output():
        return [f"it ended with {code}: {sweep.last_line}"]
    return []


def _command(sweep: LiveSweep, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sweep.command(*arguments),
        cwd=sweep.workspace.folder,
        env=sweep.environment(),
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
    )
