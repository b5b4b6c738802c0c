"""Storage addresses: what is masked, what is a file, what is refused."""

from pathlib import Path

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.location.url import mask_password, passwords_in, sqlite_path


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
        ("postgresql://ann:two words@h/db", "postgresql://ann:***@h/db"),
        ("postgresql://h/db?sslpassword=s3&x=1", "postgresql://h/db?sslpassword=***&x=1"),
        ("postgresql://h/db?Token=s3&x=1", "postgresql://h/db?Token=***&x=1"),
        ("https://h/?access_token=s3", "https://h/?access_token=***"),
        ("host=h user=ann password=s3 dbname=x", "host=h user=ann password=*** dbname=x"),
        (r"password = 'it\'s 3' host=h", "password = *** host=h"),
        ("connect(user='a', password='s3')", "connect(user='a', password=***)"),
        ("{'user': 'a', 'password': 's3'}", "{'user': 'a', 'password': ***}"),
        ('{"passwd":"s3", "x": 1}', '{"passwd":***, "x": 1}'),
        ("PGPASSWORD=s3 psql", "PGPASSWORD=*** psql"),
        (
            "mssql://?odbc_connect=UID%3Da%3BPWD%3Ds3%3BX%3D1",
            "mssql://?odbc_connect=UID%3Da%3BPWD%3D***%3BX%3D1",
        ),
        ("x=postgresql%3A%2F%2Fann%3As3%40h%2Fdb&y", "x=postgresql%3A%2F%2Fann%3A***%40h%2Fdb&y"),
    ],
)
def test_a_password_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert mask_password(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///sweeps.db",
        "postgresql://ann@h/db",
        "mail ann@example.org: 12:30",
        "--set training.epochs=3 is not of the form key.path=value",
        "carries a password, which every user of this machine could read",
        "postgresql://ann:***@h/db?password=***",
        "http://127.0.0.1:8080/\n@decorator",
        "monkeys=3 tokens=4",
    ],
)
def test_what_holds_no_password_is_left_alone(text: str) -> None:
    assert mask_password(text) == text


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        ("postgresql://ann:s%40cret@h/db", {"s%40cret", "s@cret"}),
        ("postgresql://ann:a+word@h/db", {"a+word", "a word"}),
        ("postgresql://h/db?password=secret", {"secret"}),
        ("postgresql://ann:abc@h/db", set()),
        ("sqlite:///sweeps.db", set()),
        ("", set()),
    ],
)
def test_the_passwords_of_an_address_are_known_as_written_and_decoded(
    url: str, passwords: set[str]
) -> None:
    assert set(passwords_in(url)) == passwords


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
