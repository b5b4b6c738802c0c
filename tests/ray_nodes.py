"""Ray nodes on this machine's loopback, in a process of their own: ``python -m tests.ray_nodes``.

Each node has an address of 127.0.0.0/8 and reads a token, so nobody from outside reaches them, nor
anybody without it from inside. As a program it prints one line of JSON, then waits for the end of
its input.
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fieldsharp.core.checkout import PROJECT

NO_RAY = "Ray is not installed (pip install -r requirements-ray.txt, or `make test-cluster`)"
MEMORY = 80_000_000
"""Bytes of each node's object store."""


def ray_is_there() -> bool:
    return find_spec("ray") is not None


@dataclass(frozen=True)
class Node:
    """A node: its address and the process that is in charge of it."""

    host: str
    raylet: int

    def workers(self) -> list[int]:
        """Return the processes that work on the node: children of its raylet."""
        return [pid for pid, parent in _parents().items() if parent == self.raylet]

    def processes(self) -> list[int]:
        """Return the raylet and all it has begun, children of children too."""
        parents, found = _parents(), [self.raylet]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process of the node, as if the machine stopped or went on."""
        for pid in self.processes():
            _send(pid, number)


@dataclass(frozen=True)
class Nodes:
    """Nodes that run.

    Attributes:
        address: Of the head.
        head: The node that sweeps are started on; it has no CPUs.
        nodes: Those that have CPUs.
        environment: What a process needs to be let in.
    """

    address: str
    head: Node
    nodes: list[Node]
    environment: dict[str, str]

    def node(self, host: str) -> Node:
        return next(node for node in self.nodes if node.host == host)


@contextmanager
def ray_nodes(*cpus: float, token: bool = True, gpus: float = 0, path: str = "") -> Iterator[Nodes]:
    """Start a head without CPUs and a node for each number of them.

    Args:
        cpus: Of each node.
        token: Whether one is asked for.
        gpus: That each node says it has.
        path: Where the last node looks for packages first.
    """
    environment = _environment(secrets.token_hex(32) if token else None)
    options = ["--gpus", str(gpus), "--path", path]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ray_nodes", *options, *map(str, cpus)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            head, *nodes = (Node(host, raylet) for host, raylet in said["nodes"])
            environment["RAY_ADDRESS"] = said["address"]
            yield Nodes(said["address"], head, nodes, environment)
        finally:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _environment(token: str | None) -> dict[str, str]:
    own = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else 127.0.0.1 becomes the network card's
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled" if token is None else "token",
    }
    return own if token is None else {**own, "RAY_AUTH_TOKEN": token}


def _parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                text = (folder / "stat").read_text()
            except OSError:
                continue
            found[int(folder.name)] = int(text.rpartition(")")[2].split()[1])
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _serve(cpus: list[float], gpus: float, path: str) -> None:
    from ray.cluster_utils import Cluster

    common = {"object_store_memory": MEMORY}
    head = {"num_cpus": 0, "node_ip_address": "127.0.0.1", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**head, **common})
    nodes = [("127.0.0.1", _raylet(cluster.head_node))]
    for index, number in enumerate(cpus):
        host = f"127.0.0.{index + 2}"
        first = path if index == len(cpus) - 1 else ""
        own = {"num_cpus": number, "num_gpus": gpus, "env_vars": {"PYTHONPATH": first}}
        node = cluster.add_node(node_ip_address=host, **own, **common)
        nodes.append((host, _raylet(node)))
    sys.stdout.write(json.dumps({"address": cluster.address, "nodes": nodes}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    for _, raylet in nodes:  # frozen ones would be waited for
        for pid in Node("", raylet).processes():
            _send(pid, signal.SIGCONT)
    time.sleep(0.2)
    cluster.shutdown()


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("cpus", type=float, nargs="*")
    parser.add_argument("--gpus", type=float)
    parser.add_argument("--path")
    given = parser.parse_args()
    _serve(given.cpus, given.gpus, given.path)
