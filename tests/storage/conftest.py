"""Fixtures that several tests of the storage share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.databases import needs_root


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder every user may look into, and none but its owner write to."""
    needs_root()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
