"""Runs trials on a Ray cluster: one actor per slot, on any node with free resources."""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import ray

from fieldsharp.core.errors import ConfigError, DataError, FieldsharpError
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.storage.location.paths import SERIES
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.checkpoint_transfer import CheckpointTransfer
from fieldsharp.sweep.execution.executor import CANCEL, PAUSE, READY
from fieldsharp.sweep.execution.ray.actor import (
    NODE_LOST,
    ActorInfo,
    TrialActor,
    describe_actor_error,
    package_versions,
)
from fieldsharp.sweep.execution.ray.resources import WorkerResources
from fieldsharp.sweep.execution.ray.transfer import data_mb, pack_data
from fieldsharp.sweep.study.shared_data import shared_data
from fieldsharp.sweep.study.trial_events import End, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import Assignment, TrialSpec

logger = logging.getLogger(__name__)
MOST_FAILED_STARTS = 5
"""In a row; more of them will not help."""
WARN_WAITING_AFTER_S = 20.0
CHECK_HOME_EVERY_S = 5.0
"""While actors are pending: without its raylet on this machine Ray would keep them so forever."""
MOST_REASONS = 3
"""Unusable nodes named in one error; each has had its own warning."""
RECEIVING, SENDING = "receiving", "sending"
"""Concurrency groups of an actor: messages to the worker are passed on while it is waited for."""


@dataclass(eq=False)
class _Slot:
    """One of our actors on the cluster, possibly pending.

    Attributes:
        received: Ray's reference to its next messages.
        starting: Ray's reference to the pending hand-over of a trial; None without one.
        info: Its node; None while it is pending.
        ready: Whether its worker has loaded torch and accepts trials.
        has_data: Whether data was sent to its node, which did not have it.
    """

    actor: Any
    received: Any
    starting: Any = None
    info: ActorInfo | None = None
    ready: bool = False
    has_data: bool = False
    spec: TrialSpec | None = None
    checkpoints: Path | None = None

    @property
    def place(self) -> str:
        """The node, for a message."""
        return f"on node {self.info.host}" if self.info else "on its way to a node"


@dataclass
class _Pending:
    """Since when actors are pending, and when the raylet was last checked."""

    since: float = field(default_factory=time.monotonic)
    checked: float = field(default_factory=time.monotonic)
    warned: bool = False


class RayExecutor:
    """Implements ``Executor`` with Ray actors, in a process that is connected to a cluster.

    An actor that died, or whose node did, is replaced on any node with free resources; only actors
    that are ready count as free slots, so a trial never waits for a node.

    Without a mirror every node must see the folder of the study's files.

    Raises:
        FieldsharpError: If the mirror cannot be written any more.
    """

    def __init__(
        self,
        config: SweepConfig,
        resources: WorkerResources,
        folder: Path,
        mirror: CheckpointSync | None = None,
    ) -> None:
        self._config = config
        self._resources = resources
        self._folder = folder.resolve()
        self._mirror = mirror
        self._transfer = CheckpointTransfer(mirror, folder) if mirror is not None else None
        self._mark = _write_mark(mirror)
        self._versions = package_versions()
        self._home_node = str(ray.get_runtime_context().get_node_id())
        self._slots: list[_Slot] = []
        self._unusable: dict[str, str] = {}  # node ID to its problem
        self._failed_starts = 0
        self._pending: _Pending | None = None
        self._packed_data: Any = None
        self._failed_submits: list[TrialEvent] = []
        self._data_mb = data_mb(self._data_paths)
        self._paths = [str(place) for place in self._required_paths()]
        if self._transfer is not None:
            self._transfer.fetch_all()
        self._fill()

    @property
    def free_slots(self) -> int:
        """How many workers are ready and have no trial."""
        return sum(slot.ready and slot.spec is None for slot in self._slots)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Hand a trial to a ready worker."""
        slot = next(slot for slot in self._slots if slot.ready and slot.spec is None)
        try:
            data = self._data(slot)
            sent = self._with_absolute_data_path(spec)
        except DataError as error:  # no file fits a pattern any more
            self._failed_submits.append(TrialFailed(spec.number, spec.attempt, str(error), "data"))
            return
        except OSError as error:
            files = DataFiles.of(self._config.data.path)
            reason = f"the data {files} cannot be read ({error.strerror or error})"
            self._failed_submits.append(TrialFailed(spec.number, spec.attempt, reason, "data"))
            return
        slot.spec, slot.checkpoints = spec, checkpoints
        name = ""
        if self._transfer is not None and checkpoints is not None:
            self._transfer.send(checkpoints, spec.attempt)
            name = self._transfer.name(checkpoints)
        assignment = Assignment(
            spec=sent,
            checkpoints=checkpoints.resolve() if checkpoints is not None else None,
            # In the folder that all actors of a node work in, and Ray removes.
            shared=shared_data(self._config, Path(SERIES)),
        )
        start = slot.actor.start_trial.options(concurrency_group=SENDING)
        slot.starting = start.remote(assignment.model_dump_json(), name, data)

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return events of the workers, and a failure for each trial whose worker died.

        Raises:
            FieldsharpError: If no node of the cluster can run a trial, or this machine is no
                longer part of the cluster.
        """
        self._fill()
        self._check_pending()
        slots = {slot.received: slot for slot in self._slots}
        slots |= {slot.starting: slot for slot in self._slots if slot.starting is not None}
        ready, _ = ray.wait(list(slots), num_returns=1, timeout=timeout_s)
        if ready:
            ready, _ = ray.wait(list(slots), num_returns=len(slots), timeout=0)
        events, self._failed_submits = self._failed_submits, []
        for reference in ready:
            slot = slots[reference]
            if slot not in self._slots:  # replaced, and its failure was reported
                continue
            is_message = reference == slot.received
            events += self._receive(slot) if is_message else self._check_started(slot)
        return events

    def cancel(self, number: int) -> None:
        """Tell the worker of this trial to end it."""
        self._send(number, CANCEL)

    def pause(self, number: int) -> None:
        """Tell the worker of this trial to end it after the current epoch."""
        self._send(number, PAUSE)

    def kill(self, number: int) -> None:
        """Kill the worker of this trial, even one that is stopped; no event follows."""
        for slot in self._slots_of(number):
            self._fetch_checkpoints(slot)
            self._end(slot)

    def close(self) -> None:
        """End all workers and leave the cluster."""
        for slot in list(self._slots):
            self._end(slot)
        if self._mirror is not None:
            with suppress(OSError):
                self._mirror.remove(self._mark)
        ray.shutdown()

    def _receive(self, slot: _Slot) -> list[TrialEvent]:
        """Return the events in a worker's messages, and ask for its next ones."""
        try:
            messages = ray.get(slot.received)
        except Exception as error:  # noqa: BLE001 - any of Ray's many errors: the actor is lost
            return self._replace_lost(slot, error)
        events: list[TrialEvent] = []
        for message in messages:
            if isinstance(message, ActorInfo):
                slot.info = message
                problem = self._problem_of(message)
                if problem:
                    self._exclude(slot, message, problem)
                    return events
            elif message == READY:
                slot.ready = True
                self._failed_starts = 0
            elif slot.spec is not None:
                if isinstance(message, End):
                    self._fetch_checkpoints(slot)
                    slot.spec = None
                events.append(message)
        slot.received = _receive_from(slot.actor)
        return events

    def _check_started(self, slot: _Slot) -> list[TrialEvent]:
        """Return the failure of a trial that could not be handed to its worker."""
        starting, slot.starting = slot.starting, None
        try:
            ray.get(starting)
        except ray.exceptions.RayTaskError as error:
            spec, slot.spec = slot.spec, None
            if spec is not None:
                why = describe_actor_error(getattr(error, "cause", None) or error)
                reason = f"its worker {slot.place} could not begin ({why})"
                return [TrialFailed(spec.number, spec.attempt, reason, "worker")]
        except ray.exceptions.RayError:  # the actor is lost: receiving from it reports that
            pass
        return []

    def _replace_lost(self, slot: _Slot, error: Exception) -> list[TrialEvent]:
        """Replace an actor that died, and return the failure of its trial.

        Raises:
            FieldsharpError: If too many in a row did not start.
        """
        spec, was_ready = slot.spec, slot.ready
        self._fetch_checkpoints(slot)
        self._end(slot)
        why = describe_actor_error(error)
        if not was_ready and why != NODE_LOST:
            self._failed_starts += 1
            logger.debug("a worker %s did not start: %s", slot.place, error)
            if self._failed_starts >= MOST_FAILED_STARTS:
                raise FieldsharpError(
                    f"{self._failed_starts} workers in a row did not start on the Ray cluster; the "
                    f"last {slot.place} ended so: {why}"
                )
        self._fill()
        if spec is None:
            return []
        reason = f"its worker {slot.place} died ({why})"
        return [TrialFailed(spec.number, spec.attempt, reason, "worker")]

    def _problem_of(self, info: ActorInfo) -> str:
        """Return why trials cannot run on a node, "" if they can."""
        for package, ours in self._versions.items():
            theirs = info.versions.get(package, "")
            if theirs != ours and self._config.ray.packages == "installed":
                has = f"{package} {theirs}" if theirs else f"no {package}"
                return (
                    f"has {has} and the sweep runs with {ours}; install requirements.txt there, or "
                    "set ray.packages to requirements"
                )
        if self._mirror is not None and not info.sees_mirror:
            return (
                f"does not see what is written to ray.checkpoints {self._mirror.url} here; give a "
                "place that is the same on every node"
            )
        data = {str(path) for path in self._data_paths}
        if data & set(info.missing_paths) and self._config.trainer is None:
            most_mb = self._config.ray.send_data_mb
            if self._data_mb > most_mb:
                return (
                    f"does not have the data {self._data_text}, and its {self._data_mb:.0f} MB are "
                    f"more than the {most_mb} that are sent; put it into a folder that every node "
                    "sees, or raise ray.send_data_mb"
                )
        missing = [path for path in info.missing_paths if path not in data]
        if missing:
            advice = "" if self._config.trainer else ", or set ray.checkpoints"
            return (
                f"does not see {missing[0]}; put the database into a folder that every node sees"
                f"{advice}"
            )
        return ""

    def _exclude(self, slot: _Slot, info: ActorInfo, problem: str) -> None:
        """Run no more trials on a node.

        Raises:
            ConfigError: If no usable node is left.
        """
        self._end(slot)
        if info.node not in self._unusable:
            self._unusable[info.node] = f"{info.host} {problem}"
            logger.warning("node %s %s; no trial is run there", info.host, problem)
        suitable = {node["NodeID"] for node in ray.nodes() if self._resources.fits(node)}
        if suitable <= self._unusable.keys():
            problems = ", and ".join(list(self._unusable.values())[:MOST_REASONS])
            raise ConfigError(f"no node of the Ray cluster can run trials: {problems}")
        self._fill()

    def _fill(self) -> None:
        """Request as many actors as are missing."""
        if len(self._slots) == self._resources.workers:
            return
        needed = self._resources
        options: dict[str, Any] = {"num_cpus": needed.cpus, "num_gpus": needed.gpus}
        if self._unusable:
            names = ", ".join(sorted(self._unusable))
            options["label_selector"] = {"ray.io/node-id": f"!in({names})"}
        actor_class = ray.remote(concurrency_groups={RECEIVING: 1, SENDING: 1})(TrialActor)
        mirror = self._config.ray.checkpoints
        while len(self._slots) < self._resources.workers:
            actor = actor_class.options(**options).remote(self._paths, mirror, self._mark)
            self._slots.append(_Slot(actor, _receive_from(actor)))

    def _check_pending(self) -> None:
        """Warn when actors stay pending.

        Raises:
            FieldsharpError: If this machine is no longer part of the cluster.
        """
        count = sum(slot.info is None for slot in self._slots)
        if not count:
            self._pending = None
            return
        pending = self._pending = self._pending or _Pending()
        now = time.monotonic()
        if now - pending.checked > CHECK_HOME_EVERY_S:
            pending.checked = now
            self._require_home_node()
        if not pending.warned and now - pending.since > WARN_WAITING_AFTER_S:
            pending.warned = True
            if count < self._resources.workers:
                consequence = "the others go on"
            elif any(self._resources.fits(node) for node in ray.nodes()):
                consequence = "waiting until it has"
            else:
                consequence = "no node of it is so large; waiting until one joins"
            logger.warning(
                "the Ray cluster has no room for %d of %s; %s",
                count,
                self._resources.description,
                consequence,
            )

    def _require_home_node(self) -> None:
        if not any(node["NodeID"] == self._home_node and node["Alive"] for node in ray.nodes()):
            raise FieldsharpError(
                "Ray on this machine has ended, and no worker can be reached without it; start it "
                "again and go on with resume"
            )

    @property
    def _data_text(self) -> str:
        paths = self._data_paths
        return str(paths[0]) if len(paths) == 1 else str(DataFiles.of(self._config.data.path))

    @cached_property
    def _data_paths(self) -> tuple[Path, ...]:
        """The data files of this machine; a store at an address is read by each node."""
        if not self._config.has_data:
            return ()
        return tuple(path.resolve() for path in DataFiles.of(self._config.data.path).local())

    def _required_paths(self) -> list[Path]:
        """Return the paths a node must have: data, study's files, links of a script's project.

        The rest of a script's project is among the study's files.
        """
        paths = list(self._data_paths)
        if self._mirror is None:
            paths.append(self._folder)
        trainer = self._config.trainer
        if trainer is not None:
            paths += [Path(trainer.project).resolve() / link for link in trainer.links]
        return paths

    def _data(self, slot: _Slot) -> Any:
        """Return the data as Ray sends it, None if the worker's node has it."""
        assert slot.info is not None, "it is ready"
        is_missing = any(str(path) in slot.info.missing_paths for path in self._data_paths)
        if slot.has_data or not is_missing or self._config.trainer is not None:
            return None
        if self._packed_data is None:
            self._packed_data = ray.put(pack_data(self._data_paths))
        slot.has_data = True
        return self._packed_data

    def _with_absolute_data_path(self, spec: TrialSpec) -> TrialSpec:
        """Return a trial whose data paths are absolute: a worker has another working folder.

        Those of a pattern are listed, since another node may hold other files.
        """
        if not spec.run.data.path:
            return spec
        found = [
            str(one.resolve() if isinstance(one, Path) else one)
            for one in DataFiles.of(spec.run.data.path).locations()
        ]
        path = found[0] if len(found) == 1 else tuple(found)
        data = spec.run.data.model_copy(update={"path": path})
        return spec.model_copy(update={"run": spec.run.model_copy(update={"data": data})})

    def _fetch_checkpoints(self, slot: _Slot) -> None:
        if self._transfer is not None and slot.checkpoints is not None:
            self._transfer.fetch(slot.checkpoints)

    def _slots_of(self, number: int) -> list[_Slot]:
        return [slot for slot in self._slots if slot.spec and slot.spec.number == number]

    def _send(self, number: int, message: str) -> None:
        for slot in self._slots_of(number):
            slot.actor.send.options(concurrency_group=SENDING).remote(message)

    def _end(self, slot: _Slot) -> None:
        ray.kill(slot.actor, no_restart=True)
        self._slots.remove(slot)


def _write_mark(mirror: CheckpointSync | None) -> str:
    try:
        return mirror.leave_mark() if mirror is not None else ""
    except OSError as error:
        assert mirror is not None, "there is none to fail"
        message = f"ray.checkpoints {mirror.url} cannot be written ({error})"
        raise FieldsharpError(message) from error


def _receive_from(actor: Any) -> Any:
    return actor.receive.options(concurrency_group=RECEIVING).remote()
