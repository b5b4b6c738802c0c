"""Sweeps on three Ray nodes of which one loses a worker, its raylet, all it has, or its time."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ray_nodes import NO_RAY, Node, Nodes, ray_is_there, ray_nodes
from tests.ray_sweep import RaySweep, trial_workers

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(not ray_is_there(), reason=NO_RAY),
]
GOES_ON_WITHIN_S = 15.0
"""The aim: elsewhere, from its checkpoint."""
FROZEN_S = 60.0


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with ray_nodes(1, 1, 1) as started:
        yield started


@pytest.fixture
def sweep(nodes: Nodes, tmp_path: Path, tiny_folder: Path) -> RaySweep:
    return RaySweep(tmp_path, nodes, tiny_folder)


def _kill_worker(node: Node) -> None:
    os.kill(trial_workers(node)[0], signal.SIGKILL)


def _kill_raylet(node: Node) -> None:
    os.kill(node.raylet, signal.SIGKILL)


def _kill_node(node: Node) -> None:
    node.send(signal.SIGKILL)


@pytest.mark.parametrize(
    "kill", [_kill_worker, _kill_raylet, _kill_node], ids=["worker", "raylet", "node"]
)
def test_a_trial_goes_on_elsewhere_from_its_checkpoint(
    sweep: RaySweep, kill: Callable[[Node], None], record_property: Callable[[str, object], None]
) -> None:
    with sweep.begun(trials=3):
        sweep.wait_for_epochs(5)
        node = sweep.busy_node()
        killed_at = time.monotonic()
        kill(node)
        _, lost = sweep.heard(rf"trial (\d+): its worker on node {node.host} died")
        again_at, _ = sweep.heard(rf"trial {lost[1]}: goes on after epoch \d", since=killed_at)
        record_property("seconds", again_at - killed_at)
        assert again_at - killed_at < GOES_ON_WITHIN_S
        sweep.end()
    sweep.every_trial_is_told_once(3)


def test_a_frozen_node_is_not_waited_for_and_not_believed_afterwards(sweep: RaySweep) -> None:
    with sweep.begun(trials=3, recovery__progress_deadline="8s"):
        sweep.wait_for_epochs(5)
        node = sweep.busy_node()
        node.send(signal.SIGSTOP)
        frozen_at = time.monotonic()
        silent_at, lost = sweep.heard(r"trial (\d+): it gave no sign of progress for \d+ s")
        assert silent_at - frozen_at < 8 + GOES_ON_WITHIN_S
        again_at, _ = sweep.heard(rf"trial {lost[1]}: goes on after epoch \d", since=frozen_at)
        assert again_at - silent_at < GOES_ON_WITHIN_S
        time.sleep(max(0.0, frozen_at + FROZEN_S - time.monotonic()))
        node.send(signal.SIGCONT)
        if sweep.process.poll() is None:
            sweep.end()
    sweep.every_trial_is_told_once(3)
