"""Storage addresses: what is masked, what is a file, what is refused."""

from pathlib import Path

import pytest

from fields.errors import ConfigError
from storage.url import mask_password, sqlite_path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:secret@db.example/sweeps", "postgresql://ann:***@db.example/sweeps"),
        ("mysql+pymysql://ann:s%40cret@h:3306/db", "mysql+pymysql://ann:***@h:3306/db"),
        ("postgresql://ann:a/b:c@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://ann:half@secret@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://:secret@h/db", "postgresql://:***@h/db"),
        ("postgresql://h/db?user=a&password=s3&x=1", "postgresql://h/db?user=a&password=***&x=1"),
        (
            "tried postgresql://a:one@h/db, then postgresql://b:two@h/db",
            "tried postgresql://a:***@h/db, then postgresql://b:***@h/db",
        ),
    ],
)
def test_a_password_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert mask_password(text) == shown


@pytest.mark.parametrize(
    "text", ["sqlite:///sweeps.db", "postgresql://ann@h/db", "mail ann@example.org: 12:30"]
)
def test_what_holds_no_password_is_left_alone(text: str) -> None:
    assert mask_password(text) == text


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
