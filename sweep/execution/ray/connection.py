"""Connects to a Ray cluster: finds it, checks that it requires a token, and connects.

Whoever connects to a cluster without a token can run programs on every node, as Ray's user. So a
cluster that accepts connections without a token is refused.
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

from fieldsharp.core.checkout import install_command
from fieldsharp.core.errors import ConfigError, FieldsharpError
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.sweep.execution.ray import auth_probe

logger = logging.getLogger(__name__)
SETTING = "ray.address"
CONNECT_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 20.0
"""A cluster answers in less than a second; with anything else Ray retries on and on."""
TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 - the name of a variable
MODE = "RAY_AUTH_MODE"
START_COMMAND = "RAY_AUTH_MODE=token ray start --head"


def require_ray() -> None:
    """Check that Ray is installed.

    Raises:
        ConfigError: If it is not.
    """
    if find_spec("ray") is None:
        raise ConfigError(
            f"executor is ray and Ray is not installed; {install_command('ray')}, here "
            "and on every node of the cluster"
        )


def connect_to_cluster(address: str, runtime_env: dict[str, Any]) -> str:
    """Connect this process to a cluster, ``host:port`` or ``auto``, and return its address.

    Raises:
        ConfigError: If there is no cluster at the address, it requires no token, it refuses our
            token, this machine is no node of it, or its versions of Ray or Python differ.
        FieldsharpError: If connecting fails in another way.
    """
    require_ray()
    os.environ[MODE] = "token"  # Ray reads it once, when it is imported
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
        raise _connection_error(found, error) from error
    finally:
        signal.signal(signal.SIGTERM, stop)  # Ray's own handler would end the process at once
    _silence_node_logs()
    return found


def _silence_node_logs() -> None:
    """Keep Ray from printing the log of a dead node: our progress reports it in one line."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda data, **_: logger.debug("Ray: %s", data)


def find_cluster(address: str) -> str:
    """Return the ``host:port`` of a cluster, once a connection to it succeeded.

    Raises:
        ConfigError: If there is none.
    """
    if "://" in address:
        raise ConfigError(
            f"{SETTING} is {address}, and a sweep runs on a machine of the cluster; start it there "
            "and give host:port of the head, or auto"
        )
    found = _address_on_this_machine() if address == "auto" else address
    host, _, port = found.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(
            f"{SETTING} is {found}; give host:port of the head, such as 10.0.0.1:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise ConfigError(
            f"no Ray cluster answers at {found} ({error.strerror or error}); start one with "
            f"`{START_COMMAND}`, or correct {SETTING}"
        ) from error
    return found


def _address_on_this_machine() -> str:
    named = os.environ.get("RAY_ADDRESS")
    if named:
        return named
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        return str(canonicalize_bootstrap_address_or_die("auto"))
    except Exception as error:
        reason = str(error).split(". ")[0].rstrip(".")
        raise ConfigError(
            f"{SETTING} is auto and no Ray cluster is found on this machine ({reason}); start one "
            f"with `{START_COMMAND}`, or give host:port of the head"
        ) from error


def require_closed(address: str) -> None:
    """Check that a cluster refuses connections without a token and accepts ours.

    Raises:
        ConfigError: If either is not so.
    """
    without_token = environment_without_secrets()
    without_token.pop(TOKEN_FILE, None)
    answer, detail = _probe(address, {**without_token, MODE: "disabled"})
    if answer == auth_probe.OPEN:
        raise ConfigError(
            f"the Ray cluster at {address} lets in anyone who reaches it, to run what they like; "
            "start it anew with token authentication: `ray get-auth-token --generate`, then "
            f"`{START_COMMAND}`"
        )
    if answer == auth_probe.SILENT:
        raise ConfigError(
            f"what answers at {address} is no Ray cluster of this version ({detail}); "
            f"correct {SETTING}"
        )
    if not _has_token():
        raise ConfigError(
            f"the Ray cluster at {address} asks for a token and none is here; copy that of its "
            f"head to ~/.ray/auth_token, or set {TOKEN}"
        )
    answer, _ = _probe(address, environment_without_secrets(keep=(TOKEN,)))
    if answer != auth_probe.OPEN:
        raise ConfigError(
            f"the Ray cluster at {address} does not take the token that is here; copy that of its "
            f"head to ~/.ray/auth_token, or set {TOKEN}"
        )


def _has_token() -> bool:
    """Return whether a token is configured, without returning it."""
    if os.environ.get(TOKEN):
        return True
    path = Path(os.environ.get(TOKEN_FILE) or Path.home() / ".ray" / "auth_token")
    try:
        return bool(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return False


def _probe(address: str, environment: dict[str, str]) -> tuple[str, str]:
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-P", auth_probe.__file__, address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
        result = json.loads(done.stdout.splitlines()[-1])
        return str(result["answer"]), str(result["detail"])
    except subprocess.TimeoutExpired:
        return auth_probe.SILENT, f"no reply from Ray within {PROBE_TIMEOUT_S:.0f} s"
    except (OSError, ValueError, LookupError) as error:
        return auth_probe.SILENT, type(error).__name__


def _connection_error(address: str, error: Exception) -> FieldsharpError:
    text = str(error)
    versions = re.findall(r"(Ray|Python): (\S+)", text)
    if "ersion mismatch" in text and len(versions) == 4:
        theirs, ours = (", ".join(f"{n} {v}" for n, v in versions[i : i + 2]) for i in (0, 2))
        return ConfigError(
            f"the Ray cluster at {address} runs {theirs}, and here is {ours}; start the sweep with "
            "the same versions"
        )
    if "IP address" in text or "node" in text.lower():
        return ConfigError(
            f"this machine is no node of the Ray cluster at {address}; start the sweep on one of "
            f"its machines, or have this one join with `ray start --address={address} --num-cpus=0`"
        )
    first = " ".join(text.split())[:300]
    return FieldsharpError(f"the Ray cluster at {address} cannot be entered: {first}")
