"""A request to a study's coordinator to stop, left in a file where it cannot be signalled.

``stop`` writes it, the coordinator answers by removing it. It names the process it is meant for, so
that one that is left over never stops a later coordinator.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.location.owned_folders import read_within
from fieldsharp.storage.lock_owner import LockOwner

_MOST_BYTES = 10_000


def leave_request(path: Path, holder: LockOwner, *, at_once: bool) -> None:
    """Ask a coordinator to stop.

    Args:
        path: See ``storage.location.paths.stop_request``.
        holder: Whom.
        at_once: Whether it shall not finish the epochs that are trained.

    Raises:
        ConfigError: If the request cannot be written.
    """
    request = {"pid": holder.pid, "identity": holder.identity, "at_once": at_once}
    try:
        write_durably(path, json.dumps(request).encode())
    except OSError as error:
        raise ConfigError(
            f"the request to stop cannot be left in {path} ({error.strerror}); stop {holder.words} "
            "where it runs, with Ctrl-C"
        ) from error


def take_request(path: Path, identity: str) -> int:
    """Return how urgently this process is asked to stop, and remove the request.

    Args:
        path: See ``storage.location.paths.stop_request``.
        identity: Of this process.

    Returns:
        0 not at all, 1 after the epoch, 2 at once.
    """
    taken = path.with_name(f"{path.name}.taken")
    try:
        path.replace(taken)  # first: a more urgent one may be left while this one is read
        content = read_within(taken, _MOST_BYTES)
    except OSError:
        return 0
    finally:
        withdraw_request(taken)
    try:
        request = json.loads(content)
        meant = request["pid"] == os.getpid() and request["identity"] == identity
        at_once = request["at_once"] is True
    except (ValueError, KeyError, TypeError):
        return 0
    return 0 if not meant else 2 if at_once else 1


def withdraw_request(path: Path) -> None:
    """Remove a request; one that is not there is none."""
    with suppress(OSError):
        path.unlink()
