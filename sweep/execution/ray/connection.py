"""The way to a Ray cluster: found, asked whether it is closed to others, and entered.

Who reaches a cluster without a token runs programs on every machine of it, as its user. So one that
lets us in without a token is not used: whoever works on it must know that the others are not in.
"""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fieldsharp.core.errors import ConfigError, FieldsharpError
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.sweep.execution.ray import auth_probe

logger = logging.getLogger(__name__)
HERE = "ray.address"
KNOCK_S = 5.0
ASK_S = 20.0
"""A cluster answers in less than one; what is none is asked on and on by Ray."""
TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 - likewise
MODE = "RAY_AUTH_MODE"
START = "RAY_AUTH_MODE=token ray start --head"


def require_ray() -> None:
    """Check that Ray is installed.

    Raises:
        ConfigError: If it is not.
    """
    if find_spec("ray") is None:
        raise ConfigError(
            "executor is ray and Ray is not installed; pip install -r requirements-ray.txt, here "
            "and on every node of the cluster"
        )


def enter_cluster(address: str, runtime_env: dict[str, Any]) -> str:
    """Connect this process to a cluster and return its address.

    Args:
        address: As given: ``host:port``, or ``auto``.
        runtime_env: What every worker of ours finds, see Ray.

    Raises:
        ConfigError: If there is no cluster at the address, it lets in anyone, it does not let us
            in, this machine is no node of it, or its versions are others.
        FieldsharpError: If it fails in another way.
    """
    require_ray()
    os.environ[MODE] = "token"  # Ray reads it once, when it is loaded
    found = find_cluster(address)
    require_closed(found)
    import ray

    if ray.is_initialized():
        return found
    stop = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=found,
            runtime_env=runtime_env,
            log_to_driver=False,
            logging_level="ERROR",
            configure_logging=False,
        )
    except Exception as error:
        raise _not_entered(found, error) from error
    finally:
        signal.signal(signal.SIGTERM, stop)  # Ray's own would end us in the middle of a word
    _keep_pages_of_log_away()
    return found


def _keep_pages_of_log_away() -> None:
    """Have Ray not print the log of a dead node, which we tell of in a line, among our progress."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda data, **_: logger.debug("Ray: %s", data)


def find_cluster(address: str) -> str:
    """Return the ``host:port`` of a cluster that listens.

    Raises:
        ConfigError: If there is none.
    """
    if "://" in address:
        raise ConfigError(
            f"{HERE} is {address}, and a sweep runs on a machine of the cluster; start it there "
            "and give host:port of the head, or auto"
        )
    found = _of_this_machine() if address == "auto" else address
    host, _, port = found.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"{HERE} is {found}; give host:port of the head, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except OSError as error:
        raise ConfigError(
            f"no Ray cluster answers at {found} ({error.strerror or error}); start one with "
            f"`{START}`, or correct {HERE}"
        ) from error
    return found


def _of_this_machine() -> str:
    named = os.environ.get("RAY_ADDRESS")
    if named:
        return named
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        return str(canonicalize_bootstrap_address_or_die("auto"))
    except Exception as error:
        reason = str(error).split(". ")[0].rstrip(".")
        raise ConfigError(
            f"{HERE} is auto and no Ray cluster is found on this machine ({reason}); start one "
            f"with `{START}`, or give host:port of the head"
        ) from error


def require_closed(address: str) -> None:
    """Check that a cluster lets in nobody without its token, and us with ours.

    Raises:
        ConfigError: If it does not.
    """
    stranger = environment_without_secrets()
    stranger.pop(TOKEN_FILE, None)
    answer, found = _ask(address, {**stranger, MODE: "disabled"})
    if answer == auth_probe.OPEN:
        raise ConfigError(
            f"the Ray cluster at {address} lets in anyone who reaches it, to run what they like; "
            "start it anew with token authentication: `ray get-auth-token --generate`, then "
            f"`{START}`"
        )
    if answer == auth_probe.SILENT:
        raise ConfigError(
            f"what answers at {address} is no Ray cluster of this version ({found}); correct {HERE}"
        )
    if not _own_token():
        raise ConfigError(
            f"the Ray cluster at {address} asks for a token and none is here; copy that of its "
            f"head to ~/.ray/auth_token, or set {TOKEN}"
        )
    answer, found = _ask(address, environment_without_secrets(keep=(TOKEN,)))
    if answer != auth_probe.OPEN:
        raise ConfigError(
            f"the Ray cluster at {address} does not take the token that is here; copy that of its "
            f"head to ~/.ray/auth_token, or set {TOKEN}"
        )


def _own_token() -> bool:
    """Return whether there is a token; never which."""
    if os.environ.get(TOKEN):
        return True
    path = Path(os.environ.get(TOKEN_FILE) or Path.home() / ".ray" / "auth_token")
    try:
        return bool(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False


def _ask(address: str, environment: dict[str, str]) -> tuple[str, str]:
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-P", auth_probe.__file__, address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
        )
        said = json.loads(done.stdout.splitlines()[-1])
        return str(said["answer"]), str(said["found"])
    except subprocess.TimeoutExpired:
        return auth_probe.SILENT, f"nothing that Ray would say for {ASK_S:.0f} s"
    except (OSError, ValueError, LookupError) as error:
        return auth_probe.SILENT, type(error).__name__


def _not_entered(address: str, error: Exception) -> FieldsharpError:
    words = str(error)
    versions = re.findall(r"(Ray|Python): (\S+)", words)
    if "ersion mismatch" in words and len(versions) == 4:
        theirs, ours = (", ".join(f"{n} {v}" for n, v in versions[i : i + 2]) for i in (0, 2))
        return ConfigError(
            f"the Ray cluster at {address} runs {theirs}, and here is {ours}; start the sweep with "
            "the same versions"
        )
    if "IP address" in words or "node" in words.lower():
        return ConfigError(
            f"this machine is no node of the Ray cluster at {address}; start the sweep on one of "
            f"its machines, or have this one join with `ray start --address={address} --num-cpus=0`"
        )
    first = " ".join(words.split())[:300]
    return FieldsharpError(f"the Ray cluster at {address} cannot be entered: {first}")
