"""What the page of clusters says the program says is in the program, and its files can be read."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.safe_yaml import parse_yaml
from tests.docs.pages import DOCS

PAGE = DOCS / "many-machines.md"
SPEAKS = (*sorted((PROJECT / "sweep/execution/ray").glob("*.py")),)
SPEAKS += (PROJECT / "storage/trial_files/checkpoint_sync.py",)
_SAID = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def _said() -> list[str]:
    _, _, errors = PAGE.read_text(encoding="utf-8").partition("## Errors")
    return _SAID.findall(errors)


def _words_of(files: tuple[Path, ...]) -> str:
    """Return all text in the code, that of neighbouring literals joined."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    constants = [n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant)]
    return "\n".join(c for c in constants if isinstance(c, str))


def test_there_is_a_table_of_errors() -> None:
    assert len(_said()) > 10


@pytest.mark.parametrize("sentence", _said())
def test_what_is_said_on_the_page_is_said_in_the_program(sentence: str) -> None:
    words = _words_of(SPEAKS)
    for part in sentence.split("..."):
        assert part.strip() in words


def test_the_script_for_slurm_can_be_read_and_ends_its_token() -> None:
    script = PROJECT / "examples/slurm/sweep.sbatch"
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    text = script.read_text(encoding="utf-8")

    assert done.returncode == 0, done.stderr
    assert "umask 077" in text[: text.index('> "$RAY_AUTH_TOKEN_PATH"')]
    assert 'rm -f "$RAY_AUTH_TOKEN_PATH"' in text


def test_the_cluster_for_kubernetes_asks_for_a_token_and_has_the_version_of_ray() -> None:
    path = PROJECT / "examples/kubernetes/raycluster.yaml"
    text, *_ = path.read_text(encoding="utf-8").split("\n---\n")
    cluster = parse_yaml(text, path.name)
    pinned = re.search(r"^ray==(\S+)", (PROJECT / "requirements-ray.txt").read_text(), re.MULTILINE)

    assert isinstance(cluster, dict)
    assert pinned is not None
    assert cluster["spec"]["authOptions"] == {"mode": "token"}
    assert cluster["spec"]["rayVersion"] == pinned[1]
    assert f"FROM rayproject/ray:{pinned[1]}-" in PAGE.read_text(encoding="utf-8")
