"""What works on a node: the worker of one slot, in an actor of Ray's.

It is the same worker that a local process runs, at the other end of a pipe within this process. The
actor is kept between trials, with torch, the data and the GPU it was given.
"""

import os
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import mkdtemp

import ray

from fieldsharp.core.secret_variables import forget_secrets
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.sweep.execution.gpus import VISIBLE
from fieldsharp.sweep.execution.local.malloc import keep_freed_memory
from fieldsharp.sweep.execution.local.parent_death import end_with_parent
from fieldsharp.sweep.execution.messages import Assignment
from fieldsharp.sweep.execution.ray.connection import TOKEN
from fieldsharp.sweep.execution.ray.runtime_env import unpacked
from fieldsharp.sweep.study.trial_events import End, EpochDone, TrialEvent, TrialTrouble

COMPARED = ("torch", "numpy", "xarray", "scipy", "pydantic")
"""Packages whose versions must be those of the coordinator: they make numbers, or read settings."""


@dataclass(frozen=True)
class ActorInfo:
    """What a worker says of where it is, before anything else.

    Attributes:
        node: Ray's name of the node.
        host: Its address.
        versions: Of the packages, "" for one that is not there.
        unseen: Which of the places it was to look at are not there.
        sees_mirror: Whether checkpoints can travel; True where they need not.
    """

    node: str
    host: str
    versions: dict[str, str]
    unseen: list[str]
    sees_mirror: bool


class TrialActor:
    """One slot on a node.

    Args:
        places: Files and folders that a trial needs, looked at for ``ActorInfo``.
        mirror: Where checkpoints travel, None where their folder is seen from here.
        mark: What the coordinator left there.
    """

    def __init__(self, places: list[str], mirror: str | None, mark: str) -> None:
        # Ray's own workers outlive the process in charge of the node, and hold its GPU.
        end_with_parent(os.getppid())
        forget_secrets(keep=(TOKEN,))  # which Ray itself needs
        keep_freed_memory()
        self._mirror = CheckpointSync(mirror) if mirror is not None else None
        sees_mirror = self._mirror is None or self._mirror.sees(mark)
        self._about: ActorInfo | None = _about(places, sees_mirror)
        self._sent: dict[str | None, Path] = {}
        self._pipe, theirs = Pipe()
        self._at: Assignment | None = None
        self._mirrored = ""
        # Ray removes the folder it works in.
        self._scratch = Path(mkdtemp(prefix="trials-", dir=Path.cwd()))
        threading.Thread(target=_serve, args=(theirs,), name="worker", daemon=True).start()

    def take(self, assignment: str, mirrored: str, data: bytes | None) -> None:
        """Begin with a trial.

        Args:
            assignment: As JSON.
            mirrored: Name of its checkpoints in the mirror.
            data: Its data, packed, where this node does not have it and it was not sent before.
        """
        job = Assignment.model_validate_json(assignment)
        sha = job.spec.data_sha256
        if data is not None:
            self._sent[sha] = unpacked(data, Path(f"data-{sha}").resolve())
        if sha in self._sent:
            settings = job.spec.run.data.model_copy(update={"path": str(self._sent[sha])})
            run = job.spec.run.model_copy(update={"data": settings})
            job = job.model_copy(update={"spec": job.spec.model_copy(update={"run": run})})
        if self._mirror is not None and job.checkpoints is not None:
            own = self._scratch / mirrored
            self._mirrored = mirrored
            with suppress(OSError):  # then it is trained from its first epoch
                self._mirror.pull(mirrored, own)
            job = job.model_copy(update={"checkpoints": own})
        self._at = job
        self._pipe.send(job.model_dump_json())

    def tell(self, what: str) -> None:
        """Pass a word on to the worker."""
        self._pipe.send(what)

    def listen(self) -> list[ActorInfo | str | TrialEvent]:
        """Return what the worker said, as soon as it says something.

        Raises:
            EOFError: If it has ended.
        """
        said: list[ActorInfo | str | TrialEvent] = []
        if self._about is not None:
            said, self._about = [self._about], None
            return said
        while not said or self._pipe.poll():
            message = self._pipe.recv()
            if isinstance(message, EpochDone | End):
                said += self._kept(message)
            said.append(message)
        return said

    def _kept(self, event: TrialEvent) -> list[TrialEvent]:
        """Have what was written until now in the mirror, before it is told."""
        if self._mirror is None or self._at is None or self._at.checkpoints is None:
            return []
        own = self._at.checkpoints
        try:
            self._mirror.push(own, self._mirrored, event.attempt)
        except OSError as error:
            words = f"its checkpoint cannot be sent to {self._mirror.url} ({error})"
            return [TrialTrouble(event.number, event.attempt, words)]
        if isinstance(event, End):
            shutil.rmtree(own, ignore_errors=True)
        return []


def _serve(pipe: Connection) -> None:
    from fieldsharp.sweep.execution.local.worker import Worker

    try:
        Worker(pipe, os.environ.get(VISIBLE) or None).serve()  # Ray chose the card
    finally:
        pipe.close()


def _about(places: list[str], sees_mirror: bool) -> ActorInfo:
    return ActorInfo(
        node=str(ray.get_runtime_context().get_node_id()),
        host=str(ray.util.get_node_ip_address()),
        versions=package_versions(),
        unseen=[place for place in places if not _is_seen(place)],
        sees_mirror=sees_mirror,
    )


def _is_seen(place: str) -> bool:
    try:
        return Path(place).exists()
    except OSError:
        return False


def package_versions() -> dict[str, str]:
    """Return the versions that must be the same everywhere, without what a build adds to them."""
    found = {}
    for package in COMPARED:
        try:
            found[package] = version(package).partition("+")[0]  # 2.13.0+cu130 is 2.13.0
        except PackageNotFoundError:
            found[package] = ""
    return found
