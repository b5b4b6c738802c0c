"""Stopping the process that runs a study, from another one."""

import logging
import signal
import time
from dataclasses import dataclass

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import LockOwner, send_signal
from fieldsharp.storage.study_lock import (
    ask_to_stop,
    is_asked_to_stop,
    study_lock_owner,
    withdraw_stop_request,
)

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 0.1
BETWEEN_SIGNALS_S = 0.3
STARTING_S = 2.0
SAY_AFTER_S = 5.0
ANSWER_S = 30.0
"""A coordinator looks for requests twice a second, but not while it opens its database."""


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

    It is signalled where it is certain which process it is. Elsewhere, such as in another container
    or on another machine, a request is left where it looks for one.

    Args:
        url: Address of the database.
        study: Its name.
        at_once: Whether it shall not finish the epochs that are trained.

    Raises:
        FieldsharpError: If it may not be signalled, or does not answer a request.
    """
    holder = _holder(url, study)
    then = resume_hint(url, holder.command, study)
    if not holder.alive or holder.pid is None:
        sentence = f"study {study!r} is not being run, there is nothing to stop; {then}"
        return Stopped(was_run=False, sentence=sentence)
    asked_at = time.monotonic()
    if not _signalled(holder, study, at_once=at_once):
        _request(url, holder, study, at_once=at_once)
    said = False
    while True:
        if not said and time.monotonic() - asked_at > SAY_AFTER_S:
            said = True
            logger.info(
                "process %d ends after the epoch it trains, which is waited for; stop --now ends "
                "it at once",
                holder.pid,
            )
        now = study_lock_owner(url, study)
        # Without a number it is just being freed, or taken.
        is_another = now.pid is not None and (now.pid, now.identity) != (
            holder.pid,
            holder.identity,
        )
        if not now.alive or is_another:
            return Stopped(was_run=True, sentence=f"study {study!r} is stopped; {then}")
        time.sleep(LOOK_EVERY_S)


def _holder(url: str, study: str) -> LockOwner:
    """Return who runs a study; one that has just taken the lock has yet to say who it is."""
    holder = study_lock_owner(url, study)
    deadline = time.monotonic() + STARTING_S
    while holder.alive and holder.pid is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        holder = study_lock_owner(url, study)
    return holder


def _signalled(holder: LockOwner, study: str, *, at_once: bool) -> bool:
    """Signal a coordinator; return False where it cannot be told from another process."""
    assert holder.pid is not None, "somebody holds the lock"
    try:
        if not send_signal(holder.pid, holder.identity, signal.SIGTERM):
            return False
        if at_once:
            time.sleep(BETWEEN_SIGNALS_S)  # two at the same moment would be taken for one
            send_signal(holder.pid, holder.identity, signal.SIGTERM)
    except ProcessLookupError:
        return True  # it ended by itself meanwhile
    except PermissionError as error:
        raise FieldsharpError(
            f"study {study!r} is being run by process {holder.pid} of another user, which may not "
            "be stopped from here; ask that user"
        ) from error
    return True


def _request(url: str, holder: LockOwner, study: str, *, at_once: bool) -> None:
    """Leave a request to stop and wait until it is answered.

    Raises:
        FieldsharpError: If it is not within ``ANSWER_S``.
    """
    where = ask_to_stop(url, study, holder, at_once=at_once)
    logger.info(
        "%s cannot be signalled from here (it runs on another machine or in another container): "
        "the request to stop is left in %s, to be answered within %.0f s",
        holder.description,
        where,
        ANSWER_S,
    )
    deadline = time.monotonic() + ANSWER_S
    while is_asked_to_stop(url, study):
        if not study_lock_owner(url, study).alive:
            break
        if time.monotonic() > deadline:
            withdraw_stop_request(url, study)
            raise FieldsharpError(
                f"study {study!r} is being run by {holder.description}, which did not answer "
                f"the request to stop within {ANSWER_S:.0f} s; stop it where it runs, with Ctrl-C"
            )
        time.sleep(LOOK_EVERY_S)
    withdraw_stop_request(url, study)
