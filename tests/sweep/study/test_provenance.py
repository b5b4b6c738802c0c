"""Where a result comes from."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.sweep.study import provenance as module
from fieldsharp.sweep.study.provenance import provenance


def test_versions_machine_and_data_are_recorded(plume_file: Path) -> None:
    found = provenance(DataFiles.of(str(plume_file)))
    assert found.versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert {"python", "optuna", "numpy", "xarray"} <= found.versions.keys()
    assert found.data_sha256 == hashlib.sha256(plume_file.read_bytes()).hexdigest()
    assert found.machine


def test_a_folder_is_known_by_the_names_and_contents_of_its_files(tmp_path: Path) -> None:
    def store(name: str, files: dict[str, bytes]) -> str:
        for path, content in files.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return DataFiles.of(str(tmp_path / name)).sha256()

    first = store("a.zarr", {"x/0": b"1", "x/1": b"2"})
    assert store("b.zarr", {"x/1": b"2", "x/0": b"1"}) == first
    assert store("c.zarr", {"x/0": b"2", "x/1": b"1"}) != first
    assert store("d.zarr", {"x/0": b"1", "y/1": b"2"}) != first


def test_the_commit_says_whether_tracked_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    monkeypatch.setattr(module, "PROJECT", tmp_path)
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "one")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "untracked").touch()
    assert provenance(DataFiles.of(str(tmp_path / "a"))).git_commit == commit
    (tmp_path / "a").write_text("2")
    assert provenance(DataFiles.of(str(tmp_path / "a"))).git_commit == f"{commit}+changes"


def test_outside_a_checkout_or_without_git_the_commit_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plume_file: Path
) -> None:
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance(DataFiles.of(str(plume_file))).git_commit == "unknown"

    def no_git(*_arguments: Any, **_options: Any) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert provenance(DataFiles.of(str(plume_file))).git_commit == "unknown"
