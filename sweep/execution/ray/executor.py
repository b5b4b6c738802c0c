"""Trials on a Ray cluster: a worker for each slot, on whichever node has room."""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray

from fieldsharp.core.errors import ConfigError, FieldsharpError
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.messages import CANCEL, PAUSE, READY, Assignment
from fieldsharp.sweep.execution.ray.actor import ActorInfo, TrialActor, package_versions
from fieldsharp.sweep.execution.ray.actor_errors import NODE_LOST, describe_actor_error
from fieldsharp.sweep.execution.ray.checkpoint_sync import CheckpointTransfer
from fieldsharp.sweep.execution.ray.resources import WorkerResources
from fieldsharp.sweep.execution.ray.runtime_env import data_mb, packed
from fieldsharp.sweep.study.trial_events import End, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
MOST_FAILED_STARTS = 5
"""In a row; then something is wrong that does not pass."""
SAY_WAITING_AFTER_S = 20.0
LOOK_HOME_S = 5.0
"""While workers wait: Ray would have them wait for ever once its process here has ended."""
MOST_REASONS = 3
"""Why nodes are of no use, in one sentence; a warning has told each."""
LISTENING, TELLING = "listening", "telling"
"""Threads of an actor: words to a worker arrive in order, also while it is waited for its own."""


@dataclass(eq=False)
class _Slot:
    """A worker of ours on the cluster, or one that waits for room there.

    Attributes:
        actor: Of Ray's.
        heard: What it says next, once it does.
        about: Where it is; None until it has a place.
        taking: Whether it could begin with its trial, once it tells; None where it has.
        ready: Whether it has loaded what it needs and listens.
        has_data: Whether data that its node did not have was sent there.
        spec: The trial it is at.
        checkpoints: Of that trial.
    """

    actor: Any
    heard: Any
    taking: Any = None
    about: ActorInfo | None = None
    ready: bool = False
    has_data: bool = False
    spec: TrialSpec | None = None
    checkpoints: Path | None = None

    @property
    def where(self) -> str:
        """The node, in words."""
        return f"on node {self.about.host}" if self.about else "on its way to a node"


@dataclass
class _Waiting:
    """Since when the cluster has no room for a worker, and when it was last looked why."""

    since: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    said: bool = False


class RayExecutor:
    """Implements ``Executor`` with actors of Ray's, in a process that has entered a cluster.

    A worker that died, or whose node did, is replaced wherever there is room; only workers that are
    there and ready count as free slots, so a trial never waits for a node.

    Args:
        config: What is swept.
        share: What each worker takes, and how many there are at most.
        folder: Of the study's files, below which its checkpoints are.
        mirror: Where they travel, None where every node sees that folder.

    Raises:
        FieldsharpError: If nothing can be written there any more.
    """

    def __init__(
        self,
        config: SweepConfig,
        share: WorkerResources,
        folder: Path,
        mirror: CheckpointSync | None = None,
    ) -> None:
        self._config = config
        self._share = share
        self._folder = folder.resolve()
        self._mirror = mirror
        self._carrier = CheckpointTransfer(mirror, folder) if mirror is not None else None
        self._mark = _left_mark(mirror)
        self._versions = package_versions()
        self._home = str(ray.get_runtime_context().get_node_id())
        self._slots: list[_Slot] = []
        self._shunned: dict[str, str] = {}  # a node, and what is wrong with it
        self._failed_starts = 0
        self._waiting: _Waiting | None = None
        self._packed: Any = None
        self._not_begun: list[TrialEvent] = []
        self._data_mb = data_mb(Path(self._data_path)) if self._data_path else 0.0
        self._places = [str(place) for place in self._places_needed()]
        if self._carrier is not None:
            self._carrier.take_all_home()
        self._fill()

    @property
    def free_slots(self) -> int:
        """How many workers are ready and have no trial."""
        return sum(slot.ready and slot.spec is None for slot in self._slots)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        """Hand a trial to a worker that is ready."""
        slot = next(slot for slot in self._slots if slot.ready and slot.spec is None)
        path = Path(spec.run.data.path).resolve()
        try:
            data = self._data(slot, path)
        except OSError as error:
            reason = f"the data {path} cannot be read ({error.strerror or error})"
            self._not_begun.append(TrialFailed(spec.number, spec.attempt, reason, "data"))
            return
        slot.spec, slot.checkpoints = spec, checkpoints
        name = ""
        if self._carrier is not None and checkpoints is not None:
            self._carrier.send(checkpoints, spec.attempt)
            name = self._carrier.name(checkpoints)
        sent = self._placed_anywhere(spec)
        where = checkpoints.resolve() if checkpoints is not None else None
        job = Assignment(spec=sent, checkpoints=where).model_dump_json()
        take = slot.actor.take.options(concurrency_group=TELLING)
        slot.taking = take.remote(job, name, data)

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        """Return what the workers said, and a failure for each trial whose worker died.

        Raises:
            FieldsharpError: If no node of the cluster can run a trial, or this machine is none of
                it any more.
        """
        self._fill()
        self._see_who_waits()
        speakers = {slot.heard: slot for slot in self._slots}
        speakers |= {slot.taking: slot for slot in self._slots if slot.taking is not None}
        heard, _ = ray.wait(list(speakers), num_returns=1, timeout=timeout_s)
        if heard:
            heard, _ = ray.wait(list(speakers), num_returns=len(speakers), timeout=0)
        events, self._not_begun = self._not_begun, []
        for words in heard:
            slot = speakers[words]
            if slot in self._slots:  # else it was lost, as was told already
                events += self._hear(slot) if words == slot.heard else self._see_taken(slot)
        return events

    def cancel(self, number: int) -> None:
        """Tell the worker at this trial to end it."""
        self._tell(number, CANCEL)

    def pause(self, number: int) -> None:
        """Tell the worker at this trial to end it after the epoch."""
        self._tell(number, PAUSE)

    def kill(self, number: int) -> None:
        """End the worker at this trial, even one that is frozen; nothing follows."""
        for slot in self._at(number):
            self._take_home(slot)
            self._end(slot)

    def close(self) -> None:
        """End all workers and leave the cluster."""
        for slot in list(self._slots):
            self._end(slot)
        if self._mirror is not None:
            with suppress(OSError):
                self._mirror.remove(self._mark)
        ray.shutdown()

    def _hear(self, slot: _Slot) -> list[TrialEvent]:
        """Return what a worker said of its trial, and listen to it again."""
        try:
            said = ray.get(slot.heard)
        except Exception as error:  # noqa: BLE001 - of Ray's many kinds; whatever it is, it is gone
            return self._lost(slot, error)
        events: list[TrialEvent] = []
        for message in said:
            if isinstance(message, ActorInfo):
                slot.about = message
                wrong = self._wrong_with(message)
                if wrong:
                    self._shun(slot, message, wrong)
                    return events
            elif message == READY:
                slot.ready = True
                self._failed_starts = 0
            elif slot.spec is not None:
                if isinstance(message, End):
                    self._take_home(slot)
                    slot.spec = None
                events.append(message)
        slot.heard = _listen(slot.actor)
        return events

    def _see_taken(self, slot: _Slot) -> list[TrialEvent]:
        """Return the failure of a trial that a worker could not begin."""
        taking, slot.taking = slot.taking, None
        try:
            ray.get(taking)
        except ray.exceptions.RayTaskError as error:
            spec, slot.spec = slot.spec, None
            if spec is not None:
                why = describe_actor_error(getattr(error, "cause", None) or error)
                words = f"its worker {slot.where} could not begin ({why})"
                return [TrialFailed(spec.number, spec.attempt, words, "worker")]
        except ray.exceptions.RayError:  # it is gone; what it says next says so
            pass
        return []

    def _lost(self, slot: _Slot, error: Exception) -> list[TrialEvent]:
        spec, was_ready = slot.spec, slot.ready
        self._take_home(slot)
        self._end(slot)
        why = describe_actor_error(error)
        if not was_ready and why != NODE_LOST:
            self._failed_starts += 1
            logger.debug("a worker %s did not start: %s", slot.where, error)
            if self._failed_starts >= MOST_FAILED_STARTS:
                raise FieldsharpError(
                    f"{self._failed_starts} workers in a row did not start on the Ray cluster; the "
                    f"last {slot.where} ended so: {why}"
                )
        self._fill()
        if spec is None:
            return []
        return [
            TrialFailed(
                spec.number, spec.attempt, f"its worker {slot.where} died ({why})", "worker"
            )
        ]

    def _wrong_with(self, about: ActorInfo) -> str:
        """Return why trials cannot run on a node, "" where they can."""
        for package, ours in self._versions.items():
            theirs = about.versions.get(package, "")
            if theirs != ours and self._config.ray.packages == "installed":
                has = f"{package} {theirs}" if theirs else f"no {package}"
                return (
                    f"has {has} and the sweep runs with {ours}; install requirements.txt there, or "
                    "set ray.packages to requirements"
                )
        if self._mirror is not None and not about.sees_mirror:
            return (
                f"does not see what is written to ray.checkpoints {self._mirror.url} here; give a "
                "place that is the same on every node"
            )
        if self._data_path in about.unseen and self._config.trainer is None:
            most_mb = self._config.ray.send_data_mb
            if self._data_mb > most_mb:
                return (
                    f"does not have the data {self._data_path}, and its {self._data_mb:.0f} MB are "
                    f"more than the {most_mb} that are sent; put it into a folder that every node "
                    "sees, or raise ray.send_data_mb"
                )
        unseen = [place for place in about.unseen if place != self._data_path]
        if unseen:
            advice = "" if self._config.trainer else ", or set ray.checkpoints"
            return (
                f"does not see {unseen[0]}; put the database into a folder that every node sees"
                f"{advice}"
            )
        return ""

    def _shun(self, slot: _Slot, about: ActorInfo, wrong: str) -> None:
        """Use a node no more; the sweep goes on with the others."""
        self._end(slot)
        if about.node not in self._shunned:
            self._shunned[about.node] = f"{about.host} {wrong}"
            logger.warning("node %s %s; no trial is run there", about.host, wrong)
        alive = {node["NodeID"] for node in ray.nodes() if self._share.fits(node)}
        if alive <= self._shunned.keys():
            words = ", and ".join(list(self._shunned.values())[:MOST_REASONS])
            raise ConfigError(f"no node of the Ray cluster can run trials: {words}")
        self._fill()

    def _fill(self) -> None:
        """Ask the cluster for as many workers as are missing."""
        if len(self._slots) == self._share.workers:
            return
        share = self._share
        wanted: dict[str, Any] = {"num_cpus": share.cpus, "num_gpus": share.gpus}
        if self._shunned:
            names = ", ".join(sorted(self._shunned))
            wanted["label_selector"] = {"ray.io/node-id": f"!in({names})"}
        kind = ray.remote(concurrency_groups={LISTENING: 1, TELLING: 1})(TrialActor)
        mirror = self._config.ray.checkpoints
        while len(self._slots) < self._share.workers:
            actor = kind.options(**wanted).remote(self._places, mirror, self._mark)
            self._slots.append(_Slot(actor, _listen(actor)))

    def _see_who_waits(self) -> None:
        missing = sum(slot.about is None for slot in self._slots)
        if not missing:
            self._waiting = None
            return
        waiting = self._waiting = self._waiting or _Waiting()
        now = time.monotonic()
        if now - waiting.looked > LOOK_HOME_S:
            waiting.looked = now
            self._require_home()
        if not waiting.said and now - waiting.since > SAY_WAITING_AFTER_S:
            waiting.said = True
            if missing < self._share.workers:
                then = "the others go on"
            elif any(self._share.fits(node) for node in ray.nodes()):
                then = "waiting until it has"
            else:
                then = "no node of it is so large; waiting until one joins"
            logger.warning(
                "the Ray cluster has no room for %d of %s; %s", missing, self._share.words, then
            )

    def _require_home(self) -> None:
        if not any(node["NodeID"] == self._home and node["Alive"] for node in ray.nodes()):
            raise FieldsharpError(
                "Ray on this machine has ended, and no worker can be reached without it; start it "
                "again and go on with resume"
            )

    @property
    def _data_path(self) -> str:
        return str(Path(self._config.data.path).resolve()) if self._config.has_data else ""

    def _places_needed(self) -> list[Path]:
        """Return what nodes are asked for: the data, the study's files, what a script shares.

        The rest of a script's project is among the study's files.
        """
        needed = [Path(self._data_path)] if self._data_path else []
        if self._mirror is None:
            needed.append(self._folder)
        trainer = self._config.trainer
        if trainer is not None:
            needed += [Path(trainer.project).resolve() / link for link in trainer.links]
        return needed

    def _data(self, slot: _Slot, path: Path) -> Any:
        """Return the data as Ray sends it, None where the worker's node has it."""
        assert slot.about is not None, "it is ready"
        if slot.has_data or str(path) not in slot.about.unseen or self._config.trainer is not None:
            return None
        if self._packed is None:
            self._packed = ray.put(packed(path))
        slot.has_data = True
        return self._packed

    def _placed_anywhere(self, spec: TrialSpec) -> TrialSpec:
        """Return a trial whose data is named in full: a worker works in another folder."""
        if not spec.run.data.path:
            return spec
        data = spec.run.data.model_copy(update={"path": str(Path(spec.run.data.path).resolve())})
        return spec.model_copy(update={"run": spec.run.model_copy(update={"data": data})})

    def _take_home(self, slot: _Slot) -> None:
        if self._carrier is not None and slot.checkpoints is not None:
            self._carrier.take_home(slot.checkpoints)

    def _at(self, number: int) -> list[_Slot]:
        return [slot for slot in self._slots if slot.spec and slot.spec.number == number]

    def _tell(self, number: int, what: str) -> None:
        for slot in self._at(number):
            slot.actor.tell.options(concurrency_group=TELLING).remote(what)

    def _end(self, slot: _Slot) -> None:
        ray.kill(slot.actor, no_restart=True)
        self._slots.remove(slot)


def _left_mark(mirror: CheckpointSync | None) -> str:
    try:
        return mirror.leave_mark() if mirror is not None else ""
    except OSError as error:
        assert mirror is not None, "there is none to fail"
        raise FieldsharpError(
            f"ray.checkpoints {mirror.url} cannot be written ({error})"
        ) from error


def _listen(actor: Any) -> Any:
    return actor.listen.options(concurrency_group=LISTENING).remote()
