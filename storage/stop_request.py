"""A request to a study's coordinator to stop, left in a file where it cannot be signalled.

``stop`` writes it, the coordinator answers by removing it. It names the process it is meant for, so
that an old request never stops a later coordinator. Its path is that of
``storage.location.paths.stop_request``.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.durable_files.regular_files import read_within
from fieldsharp.storage.lock_owner import LockOwner

_MOST_BYTES = 10_000


def leave_request(path: Path, owner: LockOwner, *, at_once: bool) -> None:
    """Ask a coordinator to stop, at once or after the current epochs.

    Raises:
        ConfigError: If the request cannot be written.
    """
    request = {"pid": owner.pid, "identity": owner.identity, "at_once": at_once}
    try:
        write_durably(path, json.dumps(request).encode())
    except OSError as error:
        raise ConfigError(
            f"the request to stop cannot be left in {path} ({error.strerror}); stop "
            f"{owner.description} where it runs, with Ctrl-C"
        ) from error


def take_request(path: Path, identity: str) -> int:
    """Return how urgently a request asks this process to stop, and remove it.

    Returns:
        0 not at all, 1 after the epoch, 2 at once.
    """
    own = path.with_name(f"{path.name}.taken")
    try:
        path.replace(own)  # first: a more urgent one may be written while this one is read
        content = read_within(own, _MOST_BYTES)
    except OSError:
        return 0
    finally:
        withdraw_request(own)
    try:
        request = json.loads(content)
        is_for_us = request["pid"] == os.getpid() and request["identity"] == identity
        at_once = request["at_once"] is True
    except (ValueError, KeyError, TypeError):
        return 0
    return 0 if not is_for_us else 2 if at_once else 1


def withdraw_request(path: Path) -> None:
    """Remove a request, if there is one."""
    with suppress(OSError):
        path.unlink()
