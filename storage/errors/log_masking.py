"""Masks passwords in errors, logs and tracebacks."""

import logging
from collections.abc import Sequence

from fieldsharp.core.printable import printable
from fieldsharp.storage.location.url import mask_password, passwords_in


class Masking:
    """Masks text that looks like a password, and the passwords of one address in any text."""

    def __init__(self, address: str = "") -> None:
        self._passwords: Sequence[str] = passwords_in(address)

    def __call__(self, text: str) -> str:
        """Return the text without passwords."""
        text = mask_password(text)
        for password in self._passwords:  # the longest first: one may be part of another
            text = text.replace(password, "***")
        return text


class MaskedFormatter(logging.Formatter):
    """Formats a record, traceback included, without passwords and control characters."""

    def __init__(self, masking: Masking) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
        self._masking = masking

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return printable(self._masking(super().format(record)), keep="\n\t")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the message in one line: only a traceback has several."""
        return printable(self._masking(super().formatMessage(record)))
