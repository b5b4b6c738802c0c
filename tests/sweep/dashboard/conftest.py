"""A dashboard that several tests ask."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsharp.storage.location.paths import files_folder
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.sweep.dashboard.server import Dashboard
from tests.sweep.dashboard.serving import serving


@pytest.fixture(scope="session")
def dashboard(finished_url: str) -> Iterator[Dashboard]:
    """Of the finished study, read-only."""
    with serving(finished_url) as running:
        yield running


@pytest.fixture
def own_copy(finished_url: str, tmp_path: Path) -> str:
    """Address of a copy of the finished study, to be changed."""
    copy_database(finished_url, tmp_path / "x.db")
    return f"sqlite:///{tmp_path / 'x.db'}"


@pytest.fixture
def own_url(own_copy: str, finished_url: str) -> str:
    """Address of a copy with the files beside it, from which pictures are drawn."""
    shutil.copytree(files_folder(finished_url), files_folder(own_copy))
    return own_copy
