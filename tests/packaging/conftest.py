"""The wheel is built and installed once for all tests of this folder."""

from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from tests.packaging.installed import Installed, build, install


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel, built from the source distribution, and that."""
    return build(PROJECT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def installed(built: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(built[0], tmp_path_factory.mktemp("installed") / "v")
