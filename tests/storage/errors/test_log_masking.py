"""What is said holds no password, wherever it came from."""

import logging
import sys

from fieldsharp.storage.errors.log_masking import MaskedFormatter, Masking

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
