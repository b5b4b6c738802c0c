"""What is refused of a cluster, in one sentence; asked of real ones where Ray is installed."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.command_line import main
from tests.ray_nodes import NO_RAY, Nodes, ray_is_there, ray_nodes

needs_ray = pytest.mark.skipif(not ray_is_there(), reason=NO_RAY)
MISMATCHED = """
import json, ray
from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_put
ray.init(logging_level="ERROR", log_to_driver=False)
found = json.loads(_internal_kv_get(b"CLUSTER_METADATA", namespace=b"cluster"))
found["ray_version"] = "2.59.0"
_internal_kv_put(
    b"CLUSTER_METADATA", json.dumps(found).encode(), overwrite=True, namespace=b"cluster"
)
"""
Refused = Callable[..., str]


@pytest.fixture
def refused(tiny_yaml: Path, tmp_path: Path) -> Refused:
    """Start a sweep that is refused, and return the sentence."""

    def start(address: str, **variables: str) -> str:
        # In a process of its own: Ray reads its token once.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        database = tmp_path / "x.db"
        done = subprocess.run(
            [
                *(sys.executable, str(PROJECT / "run_sweep.py"), "start", str(tiny_yaml)),
                *("--storage", f"sqlite:///{database}"),
                *("--set", "executor=ray", "--set", f"ray.address={address}"),
            ],
            env={**clean, "HOME": str(tmp_path), **variables},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2, done.stderr
        assert not database.exists()
        (sentence,) = done.stderr.splitlines()
        return sentence.removeprefix("error: ")

    return start


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with ray_nodes(1) as nodes:
        yield nodes


@pytest.mark.skipif(ray_is_there(), reason="Ray is installed")
def test_without_ray_what_to_install_is_said(
    tiny_yaml: Path, storage_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["start", str(tiny_yaml), "--storage", storage_url, "--set", "executor=ray"]
    assert main([*start, "--set", "ray.address=auto"]) == 2
    assert capsys.readouterr().err == (
        "error: executor is ray and Ray is not installed; python -m pip install -r "
        "requirements-ray.txt, here and on every node of the cluster\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cluster
@needs_ray
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ray://10.0.0.1:10001", "a sweep runs on a machine of the cluster"),
        ("head", "give host:port of the head, such as 10.0.0.1:6379"),
        ("127.0.0.1:70000", "give host:port of the head, such as 10.0.0.1:6379"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1 (Connection refused)"),
        ("no-host.invalid:6379", "no Ray cluster answers at no-host.invalid:6379"),
    ],
)
def test_a_wrong_address_is_refused(refused: Refused, address: str, sentence: str) -> None:
    assert sentence in refused(address)


@pytest.mark.cluster
@needs_ray
def test_something_else_at_the_address_is_refused(refused: Refused) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        said = refused(address)
    assert said == (
        f"what answers at {address} is no Ray cluster of this version (no reply from Ray within "
        "20 s); correct ray.address"
    )


@pytest.mark.cluster
@needs_ray
def test_a_cluster_that_lets_in_anyone_is_refused(refused: Refused) -> None:
    with ray_nodes(token=False) as nodes:
        said = refused(nodes.address, **{**nodes.environment, "RAY_AUTH_TOKEN": "of no use"})
    assert said.startswith(f"the Ray cluster at {nodes.address} lets in anyone who reaches it")


@pytest.mark.cluster
@needs_ray
def test_without_a_token_or_with_another_we_are_not_let_in(
    refused: Refused, cluster: Nodes
) -> None:
    own = cluster.environment["RAY_AUTH_TOKEN"]
    none = refused(cluster.address, **{**cluster.environment, "RAY_AUTH_TOKEN": ""})
    assert "asks for a token and none is here" in none
    other = refused(cluster.address, **{**cluster.environment, "RAY_AUTH_TOKEN": "b" * 64})
    assert "does not take the token that is here" in other
    assert own not in none + other
    assert "b" * 64 not in other


@pytest.mark.cluster
@needs_ray
def test_a_cluster_of_another_version_is_refused(refused: Refused) -> None:
    with ray_nodes(1) as nodes:
        environment = {**os.environ, **nodes.environment}
        subprocess.run([sys.executable, "-c", MISMATCHED], env=environment, check=True)
        said = refused(nodes.address, **nodes.environment)
    assert "runs Ray 2.59.0, Python" in said
    assert said.endswith("start the sweep with the same versions")
