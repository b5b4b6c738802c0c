"""All faults by name, and plans of faults; a new fault is a function and a line here."""

from random import Random

from tests.chaos.faults import damage, freezes, kills, removals, stops, storage_faults
from tests.chaos.faults.fault import Fault, Inject

KILL_WORKER = "kill -9 a worker"
KILL_SERVER = "kill -9 the fork server"
KILL_COORDINATOR = "kill -9 the coordinator"
SHORT_LOCK = "database locked for 4 s"
LONG_LOCK = "database locked for 60 s"
FULL_DISK = "disk full"
LOST_LOG = "log removed"

_FAULTS: dict[str, Inject] = {
    KILL_WORKER: kills.kill_worker,
    "kill -9 a worker that is loading": kills.kill_loading_worker,
    KILL_SERVER: kills.kill_server,
    KILL_COORDINATOR: kills.kill_coordinator,
    "kill -9 the coordinator, and as it starts": kills.kill_starting_coordinator,
    "freeze a worker for good": freezes.freeze_worker,
    "freeze a worker for a while": freezes.freeze_worker_for_a_while,
    "freeze the coordinator": freezes.freeze_coordinator,
    "freeze a worker, kill the coordinator": freezes.freeze_worker_then_kill_coordinator,
    "freeze a loading worker, kill the coordinator": (
        freezes.freeze_loading_worker_then_kill_coordinator
    ),
    "SIGTERM to the coordinator": stops.terminate_coordinator,
    "SIGTERM to the group": stops.terminate_group,
    "Ctrl-C": stops.interrupt_group,
    "SIGTERM as it starts": stops.terminate_starting,
    "SIGTERM twice": stops.terminate_twice,
    "30 SIGINT to the coordinator": stops.storm(to_group=False),
    "30 SIGINT to the group": stops.storm(to_group=True),
    "closed standard streams": stops.close_streams,
    "stop from another process": stops.stop_from_another_process,
    SHORT_LOCK: storage_faults.lock_database(4.0),
    LONG_LOCK: storage_faults.lock_database(60.0),
    "SIGTERM while the database is locked": storage_faults.lock_database_and_stop,
    FULL_DISK: storage_faults.fill_disk,
    "resume on a full disk": storage_faults.resume_on_a_full_disk,
    "checkpoint truncated": damage.truncate_checkpoint,
    "checkpoint with a flipped bit": damage.flip_byte_of_checkpoint,
    "partial files left": damage.leave_partial_files,
    LOST_LOG: removals.remove_log,
    "log removed, group killed": removals.remove_log_and_kill,
    "database removed": removals.remove_database,
    "files' folder removed": removals.remove_files_folder,
    "files' folder closed (chmod 000)": removals.close_files_folder,
    "a second coordinator by a hard link": removals.second_name(mounted=False),
    "a second coordinator by a bind mount": removals.second_name(mounted=True),
}
FAULTS: dict[str, Fault] = {name: Fault(name, inject) for name, inject in _FAULTS.items()}
SHORT = (
    SHORT_LOCK,
    FULL_DISK,
    LOST_LOG,
    "freeze the coordinator",
    KILL_WORKER,
    KILL_SERVER,
    "freeze a worker, kill the coordinator",
    "SIGTERM to the group",
)
"""A few that take little time: a restart takes longer than a trial."""


def short_plan(rng: Random) -> list[str]:
    """Return the faults of the short form, each once."""
    return rng.sample(SHORT, len(SHORT))


def kill_plan(rng: Random, workers: int, coordinators: int) -> list[str]:
    """Return kills of so many workers and coordinators."""
    kills = [KILL_WORKER] * workers + [KILL_COORDINATOR] * coordinators
    rng.shuffle(kills)
    return kills


def full_plan(rng: Random, rounds: int) -> list[str]:
    """Return every fault but the longest, once a round."""
    names = [name for name in FAULTS if name != LONG_LOCK]
    return [name for _ in range(rounds) for name in rng.sample(names, len(names))]
