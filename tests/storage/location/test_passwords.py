"""No message, log line or traceback shows a password, wherever it came from."""

import logging
import sys

import pytest

from fieldsharp.storage.location.passwords import (
    MaskedFormatter,
    Masking,
    mask_password,
    passwords_in,
)

ADDRESS = "postgresql://ann:hunt%40er2@h/db"


def _formatted(message: str, *values: object, error: Exception | None = None) -> str:
    info = None
    if error is not None:
        try:
            raise error
        except Exception:  # noqa: BLE001 - to have a traceback
            info = sys.exc_info()
    record = logging.LogRecord("sweep", logging.ERROR, __file__, 1, message, values, info)
    return MaskedFormatter(Masking(ADDRESS)).format(record)


def test_an_address_in_a_record_is_masked() -> None:
    assert _formatted("at %s now", ADDRESS).endswith("ERROR at postgresql://ann:***@h/db now")


def test_a_traceback_is_masked_and_keeps_its_lines() -> None:
    said = _formatted("failed", error=ValueError(f"no {ADDRESS}, nor login of 'hunt@er2'"))
    assert "Traceback (most recent call last):\n" in said
    assert said.endswith("ValueError: no postgresql://ann:***@h/db, nor login of '***'")


def test_a_record_cannot_drive_the_terminal() -> None:
    assert _formatted("study %s", "\x1b[2J").endswith(r"study \x1b[2J")


def test_without_an_address_what_looks_like_one_is_still_masked() -> None:
    assert Masking()(f"at {ADDRESS}") == "at postgresql://ann:***@h/db"


def test_a_line_break_in_a_name_begins_no_line_of_the_log() -> None:
    said = _formatted("study %s cannot be shown", "x\n12:00:00 INFO all is well\u2028\u200f")
    assert said.endswith(r"study x\n12:00:00 INFO all is well\u2028\u200f cannot be shown")
    assert "hunt" not in _formatted("the login of %s failed", "'hunt@er2'\n")


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
