"""The short form of tests/cluster/test_ray_chaos.py, for the ordinary tests."""

import os
import signal
from pathlib import Path

import pytest

from tests.ray_nodes import NO_RAY, ray_is_there, ray_nodes
from tests.ray_sweep import RaySweep, trial_workers


@pytest.mark.skipif(not ray_is_there(), reason=NO_RAY)
def test_a_sweep_on_ray_loses_nothing_with_a_worker(tmp_path: Path, tiny_folder: Path) -> None:
    with ray_nodes(1, 1) as nodes, RaySweep(tmp_path, nodes, tiny_folder).begun(trials=2) as sweep:
        sweep.wait_until_each_has_an_epoch(2)
        node = sweep.busy_node()
        os.kill(trial_workers(node)[0], signal.SIGKILL)
        _, lost = sweep.heard(rf"trial (\d+): its worker on node {node.host} died")
        sweep.heard(rf"trial {lost[1]}: goes on after epoch \d")
        sweep.end()
    sweep.every_trial_is_told_once(2)
