"""The Ray actor of one slot: runs the worker of the local executor on a node of the cluster.

The worker is at the other end of a pipe within this process. The actor lives on between trials,
with torch, the data and its GPU.
"""

import os
import re
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
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.sweep.execution.gpus import CUDA_VISIBLE_DEVICES
from fieldsharp.sweep.execution.local.entrypoint import end_with_parent, keep_freed_memory
from fieldsharp.sweep.execution.ray.connection import TOKEN
from fieldsharp.sweep.execution.ray.transfer import unpack_data
from fieldsharp.sweep.study.trial_events import End, EpochDone, TrialEvent, TrialTrouble
from fieldsharp.sweep.study.trial_spec import Assignment

COMPARED_PACKAGES = ("torch", "numpy", "xarray", "scipy", "pydantic")
"""Their versions on a node must be the coordinator's: they compute numbers, or read settings."""
NODE_LOST = "its node was lost"


@dataclass(frozen=True)
class ActorInfo:
    """What an actor reports of its node, before anything else.

    Attributes:
        node: Ray's ID of the node.
        versions: Of the compared packages, "" for one that is not installed.
        missing_paths: Those of the required paths that do not exist on the node.
        sees_mirror: Whether the node sees the checkpoint mirror; True without a mirror.
    """

    node: str
    host: str
    versions: dict[str, str]
    missing_paths: list[str]
    sees_mirror: bool


class TrialActor:
    """One slot on a node.

    Args:
        required_paths: Files and folders that a trial needs, checked for ``ActorInfo``.
        mirror: Address of the checkpoint mirror, None if the node sees the study's folder.
        mark: Name of the file that the coordinator wrote to the mirror, to check that both see
            the same one.
    """

    def __init__(self, required_paths: list[str], mirror: str | None, mark: str) -> None:
        # Ray's own workers outlive the node's raylet, and hold its GPU.
        end_with_parent(os.getppid())
        forget_secrets(keep=(TOKEN,))  # which Ray itself needs
        keep_freed_memory()
        self._mirror = CheckpointSync(mirror) if mirror is not None else None
        sees_mirror = self._mirror is None or self._mirror.sees(mark)
        self._info: ActorInfo | None = _info(required_paths, sees_mirror)
        self._received_data: dict[str | None, dict[Path, Path]] = {}
        self._pipe, worker_end = Pipe()
        self._assignment: Assignment | None = None
        self._name_in_mirror = ""
        # Ray removes its working folder, and this one with it.
        self._scratch = Path(mkdtemp(prefix="trials-", dir=Path.cwd()))
        threading.Thread(target=_serve, args=(worker_end,), name="worker", daemon=True).start()

    def start_trial(self, assignment: str, name_in_mirror: str, data: bytes | None) -> None:
        """Hand a trial to the worker: an assignment as JSON, and the name of its checkpoints.

        Also the packed data, if this node does not have it and did not receive it before.
        """
        job = Assignment.model_validate_json(assignment)
        sha = job.spec.data_sha256
        files = DataFiles.of(job.spec.run.data.path)
        if data is not None:
            folder = Path(f"data-{sha}").resolve()
            arrived = unpack_data(data, folder, files.local())
            self._received_data[sha] = dict(zip(files.local(), arrived, strict=True))
        if sha in self._received_data:
            here = self._received_data[sha]
            # A file that was not there when the data were packed: the worker finds other contents.
            found = [
                str(here.get(one, one) if isinstance(one, Path) else one)
                for one in files.locations()
            ]
            path = found[0] if len(found) == 1 else tuple(found)
            settings = job.spec.run.data.model_copy(update={"path": path})
            run = job.spec.run.model_copy(update={"data": settings})
            job = job.model_copy(update={"spec": job.spec.model_copy(update={"run": run})})
        if self._mirror is not None and job.checkpoints is not None:
            own = self._scratch / name_in_mirror
            self._name_in_mirror = name_in_mirror
            with suppress(OSError):  # then it is trained from its first epoch
                self._mirror.pull(name_in_mirror, own)
            job = job.model_copy(update={"checkpoints": own})
        if job.shared is not None:
            shared = job.shared.model_copy(update={"folder": job.shared.folder.resolve()})
            job = job.model_copy(update={"shared": shared})
        self._assignment = job
        self._pipe.send(job.model_dump_json())

    def send(self, message: str) -> None:
        """Pass a message on to the worker."""
        self._pipe.send(message)

    def receive(self) -> list[ActorInfo | str | TrialEvent]:
        """Return all messages of the worker; wait for the first.

        Raises:
            EOFError: If the worker has ended.
        """
        messages: list[ActorInfo | str | TrialEvent] = []
        if self._info is not None:
            messages, self._info = [self._info], None
            return messages
        while not messages or self._pipe.poll():
            message = self._pipe.recv()
            if isinstance(message, EpochDone | End):
                messages += self._push_checkpoints(message)
            messages.append(message)
        return messages

    def _push_checkpoints(self, event: TrialEvent) -> list[TrialEvent]:
        """Copy the checkpoints to the mirror before their event is sent; return what went wrong."""
        if self._mirror is None or self._assignment is None or self._assignment.checkpoints is None:
            return []
        own = self._assignment.checkpoints
        try:
            self._mirror.push(own, self._name_in_mirror, event.attempt)
        except OSError as error:
            sentence = f"its checkpoint cannot be sent to {self._mirror.url} ({error})"
            return [TrialTrouble(event.number, event.attempt, sentence)]
        if isinstance(event, End):
            shutil.rmtree(own, ignore_errors=True)
        return []


def _serve(pipe: Connection) -> None:
    from fieldsharp.sweep.execution.local.worker import Worker

    try:
        Worker(pipe, os.environ.get(CUDA_VISIBLE_DEVICES) or None).serve()  # Ray chose the GPU
    finally:
        pipe.close()


def _info(required_paths: list[str], sees_mirror: bool) -> ActorInfo:
    return ActorInfo(
        node=str(ray.get_runtime_context().get_node_id()),
        host=str(ray.util.get_node_ip_address()),
        versions=package_versions(),
        missing_paths=[path for path in required_paths if not _exists(path)],
        sees_mirror=sees_mirror,
    )


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return False


def package_versions() -> dict[str, str]:
    """Return the versions of the compared packages, without the suffix of their build."""
    found = {}
    for package in COMPARED_PACKAGES:
        try:
            found[package] = version(package).partition("+")[0]  # 2.13.0+cu130 is 2.13.0
        except PackageNotFoundError:
            found[package] = ""
    return found


def describe_actor_error(error: Exception) -> str:
    """Return in a few words how an actor ended, from Ray's page-long message."""
    text = str(error)
    if "NODE_OUT_OF_MEMORY" in text:
        return "Ray ended it: its node was short of memory"
    if any(phrase in text for phrase in ("node has died", "node was dead", "node died")):
        return NODE_LOST
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "its node cannot be reached"
    if re.search(r"Worker exit detail: ([^.]+)\.", text):
        return "it crashed or was killed, perhaps out of memory"
    lines = [line for line in text.splitlines() if line.strip()]
    return " ".join(lines[-1].split())[:300] if lines else type(error).__name__
