"""Storage addresses: which name a file, which are refused."""

from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.location.url import sqlite_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///sweeps.db", "sweeps.db"),
        ("sqlite:///sub/sweeps.db", "sub/sweeps.db"),
        ("sqlite:////tmp/sweeps.db", "/tmp/sweeps.db"),  # noqa: S108 - only a name
        ("sqlite+pysqlite:///sweeps.db", "sweeps.db"),
        ("sqlite:///sweeps.db?timeout=5", "sweeps.db"),
    ],
)
def test_the_file_of_an_sqlite_address_is_found(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


def test_another_database_has_no_file() -> None:
    assert sqlite_path("postgresql://ann@h/sqlite") is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"in memory.*name a file, such as sqlite:///sweeps\.db"):
        sqlite_path(url)


def test_a_bare_file_name_is_refused_with_the_address_it_would_have() -> None:
    with pytest.raises(ConfigError, match=r"no database address.*sqlite:///mine\.db"):
        sqlite_path("mine.db")


def test_two_slashes_are_refused_before_anything_is_opened() -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///mine\.db"):
        sqlite_path("sqlite://mine.db")
