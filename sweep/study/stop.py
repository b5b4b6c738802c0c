"""Stops the process that runs a study, from another process."""

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
POLL_INTERVAL_S = 0.1
BETWEEN_SIGNALS_S = 0.3
STARTUP_S = 2.0
LOG_AFTER_S = 5.0
ANSWER_S = 30.0
"""A coordinator checks for requests twice a second, but not while it opens its database."""


@dataclass(frozen=True)
class Stopped:
    """The result of a request to stop a study, in words, and whether a process ran it."""

    was_run: bool
    sentence: str


def stop_study(url: str, study: str, *, at_once: bool) -> Stopped:
    """Ask the coordinator of a study to stop, and wait until it has.

    It is signalled where its process can be identified. Elsewhere, as in another container or on
    another machine, a request is written that it polls for.

    It finishes the epochs in progress unless it is to stop at once.

    Raises:
        FieldsharpError: If it may not be signalled, or does not answer.
    """
    owner = _owner(url, study)
    then = resume_hint(url, owner.command, study)
    if not owner.alive or owner.pid is None:
        sentence = f"study {study!r} is not being run, there is nothing to stop; {then}"
        return Stopped(was_run=False, sentence=sentence)
    asked_at = time.monotonic()
    if not _signalled(owner, study, at_once=at_once):
        _request(url, owner, study, at_once=at_once)
    is_logged = False
    while True:
        if not is_logged and time.monotonic() - asked_at > LOG_AFTER_S:
            is_logged = True
            logger.info(
                "process %d ends after the epoch it trains, which is waited for; stop --now ends "
                "it at once",
                owner.pid,
            )
        now = study_lock_owner(url, study)
        # Without a process id the lock is just being freed or taken.
        is_another = now.pid is not None and (now.pid, now.identity) != (owner.pid, owner.identity)
        if not now.alive or is_another:
            return Stopped(was_run=True, sentence=f"study {study!r} is stopped; {then}")
        time.sleep(POLL_INTERVAL_S)


def _owner(url: str, study: str) -> LockOwner:
    """Return the owner of a study's lock; one that has just taken it may not be identified yet."""
    owner = study_lock_owner(url, study)
    deadline = time.monotonic() + STARTUP_S
    while owner.alive and owner.pid is None and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
        owner = study_lock_owner(url, study)
    return owner


def _signalled(owner: LockOwner, study: str, *, at_once: bool) -> bool:
    """Signal a coordinator; return False where its process cannot be identified."""
    assert owner.pid is not None, "the lock is held"
    try:
        if not send_signal(owner.pid, owner.identity, signal.SIGTERM):
            return False
        if at_once:
            time.sleep(BETWEEN_SIGNALS_S)  # two signals at the same moment would arrive as one
            send_signal(owner.pid, owner.identity, signal.SIGTERM)
    except ProcessLookupError:
        return True  # it ended by itself meanwhile
    except PermissionError as error:
        raise FieldsharpError(
            f"study {study!r} is being run by process {owner.pid} of another user, which may not "
            "be stopped from here; ask that user"
        ) from error
    return True


def _request(url: str, owner: LockOwner, study: str, *, at_once: bool) -> None:
    """Write a request to stop and wait until it is answered.

    Raises:
        FieldsharpError: If it is not within ``ANSWER_S``.
    """
    where = ask_to_stop(url, study, owner, at_once=at_once)
    logger.info(
        "%s cannot be signalled from here (it runs on another machine, in another container or in "
        "a thread of a program): the request to stop is left in %s, to be answered within %.0f s",
        owner.description,
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
                f"study {study!r} is being run by {owner.description}, which did not answer the "
                f"request to stop within {ANSWER_S:.0f} s; stop it where it runs, with Ctrl-C"
            )
        time.sleep(POLL_INTERVAL_S)
    withdraw_stop_request(url, study)
