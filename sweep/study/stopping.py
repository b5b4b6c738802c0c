"""Stopping the process that runs a study, from another one."""

import logging
import os
import platform
import signal
import time
from dataclasses import dataclass

from fields.errors import FieldsharpError, StudyError
from storage.advice import go_on
from storage.study_lock import Holder, study_holder

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 0.1
BETWEEN_SIGNALS_S = 0.3
STARTING_S = 2.0
SAY_AFTER_S = 5.0


@dataclass(frozen=True)
class Stopped:
    """What came of asking a study to stop.

    Attributes:
        was_run: Whether a process ran it.
        sentence: What to say.
    """

    was_run: bool
    sentence: str


def stop_study(url: str, study: str, *, at_once: bool) -> Stopped:
    """Ask the coordinator of a study to stop, and wait until it has.

    Args:
        url: Address of the database.
        study: Its name.
        at_once: Whether it shall not finish the epochs that are trained.

    Raises:
        StudyError: If the coordinator is on another machine.
        FieldsharpError: If it may not be signalled.
    """
    holder = _holder(url, study)
    then = go_on(url, holder.command, study)
    if not holder.alive or holder.pid is None:
        sentence = f"study {study!r} is not being run, there is nothing to stop; {then}"
        return Stopped(was_run=False, sentence=sentence)
    if holder.host != platform.node():
        raise StudyError(
            f"study {study!r} is being run by process {holder.pid} on {holder.host}, and this is "
            f"{platform.node()}; stop it there"
        )
    _signal(holder.pid, study)
    if at_once:
        time.sleep(BETWEEN_SIGNALS_S)  # two at the same moment would be taken for one
        _signal(holder.pid, study)
    asked_at = time.monotonic()
    said = False
    while True:
        if not said and time.monotonic() - asked_at > SAY_AFTER_S:
            said = True
            logger.info(
                "process %d ends after the epoch it trains, which is waited for; stop --now ends "
                "it at once",
                holder.pid,
            )
        now = study_holder(url, study)
        if not now.alive or now.pid != holder.pid:
            return Stopped(was_run=True, sentence=f"study {study!r} is stopped; {then}")
        time.sleep(LOOK_EVERY_S)


def _holder(url: str, study: str) -> Holder:
    """Return who runs a study; one that has just taken the lock has yet to say who it is."""
    holder = study_holder(url, study)
    deadline = time.monotonic() + STARTING_S
    while holder.alive and holder.pid is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        holder = study_holder(url, study)
    return holder


def _signal(pid: int, study: str) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return  # it ended by itself meanwhile
    except PermissionError as error:
        raise FieldsharpError(
            f"study {study!r} is being run by process {pid} of another user, which may not be "
            "stopped from here; ask that user"
        ) from error
