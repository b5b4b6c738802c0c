"""Whole sweeps on a Ray cluster: stopped, killed, gone on with, confirmed, and with scripts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from tests.ray_nodes import NO_RAY, Nodes, ray_is_there, ray_nodes
from tests.ray_sweep import RaySweep, trial_workers

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(not ray_is_there(), reason=NO_RAY),
]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ray_nodes(1, 1) as started:
        yield started


@pytest.fixture
def sweep(nodes: Nodes, tmp_path: Path, tiny_folder: Path) -> RaySweep:
    return RaySweep(tmp_path, nodes, tiny_folder)


def _said(nodes: Nodes, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "run_sweep.py"), *arguments],
        cwd=folder,
        env={**os.environ, **nodes.environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _wait_until_nobody_works(nodes: Nodes) -> None:
    deadline = time.monotonic() + 20
    while any(trial_workers(node) for node in nodes.nodes):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 3), (signal.SIGTERM, 3), (signal.SIGKILL, -9)]
)
def test_a_sweep_that_is_stopped_or_killed_is_gone_on_with(
    sweep: RaySweep, nodes: Nodes, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with sweep.begun(trials=3):
        sweep.wait_for_epochs(4)
        sweep.process.send_signal(number)
        assert sweep.process.wait(60) == code, sweep.said
    assert "Traceback" not in sweep.said
    _wait_until_nobody_works(nodes)
    said = _said(nodes, tmp_path, "resume", "tiny", "--storage", sweep.url)
    assert "goes on after epoch" in said
    sweep.every_trial_is_told_once(3)


def test_the_best_trials_are_confirmed_on_the_cluster(
    sweep: RaySweep, nodes: Nodes, tmp_path: Path
) -> None:
    with sweep.begun(trials=2, training__epochs=1):
        sweep.end()
    asked = ("confirm", "tiny", "--storage", sweep.url, "--top", "1", "--seeds", "1", "--json")
    said = _said(nodes, tmp_path, *asked)
    confirmed = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert len(confirmed["trials"]) == 2
    assert all(trial["outcomes"][0]["failure"] is None for trial in confirmed["trials"])


def test_scripts_run_on_the_nodes(nodes: Nodes, tmp_path: Path) -> None:
    example = str(PROJECT / "examples" / "existing_project" / "sweep.yaml")
    sweep = ("start", example, "--set", "executor=ray", "--trials", "3")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    said = _said(nodes, tmp_path, *sweep, "--storage", url)
    (status,) = json.loads(_said(nodes, tmp_path, "status", "--storage", url, "--json"))
    assert status["states"]["COMPLETE"] == 3, said


def test_two_trials_share_a_gpu_of_a_node(tmp_path: Path, tiny_folder: Path) -> None:
    """The GPU is Ray's word alone: nothing here computes on one."""
    with ray_nodes(4, gpus=1) as nodes:
        sweep = RaySweep(tmp_path, nodes, tiny_folder)
        settings = {"workers__count": 4, "workers__per_gpu": 2, "training__device": "auto"}
        with sweep.begun(trials=4, **settings):
            sweep.wait_for_epochs(4)
            assert len(trial_workers(nodes.nodes[0])) == 2
            sweep.end()
        sweep.every_trial_is_told_once(4)


def test_a_sweep_whose_own_node_dies_ends_and_says_so(tmp_path: Path, tiny_folder: Path) -> None:
    with ray_nodes(1) as nodes:
        sweep = RaySweep(tmp_path, nodes, tiny_folder)
        with sweep.begun(trials=2, training__epochs=200):
            sweep.wait_for_epochs(2)
            os.kill(nodes.head.raylet, signal.SIGKILL)
            assert sweep.process.wait(60) == 1, sweep.said
    assert "Ray on this machine has ended" in sweep.said
    assert "Traceback" not in sweep.said
