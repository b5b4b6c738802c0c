"""Masks passwords of database addresses in messages, logs and tracebacks."""

import logging
import re
from collections.abc import Sequence
from urllib.parse import unquote, unquote_plus

from fieldsharp.core.printable import printable

SHORTEST_KNOWN = 4
# Up to the last @ of the word: an @ that should have been written %40 is part of the password.
_PASSWORD = re.compile(r"(?<=://)([^:/@\n]*):([^@\n]*(?:@\S*)?)@")
# The same where the whole address is the value of another address's parameter.
_ENCODED_PASSWORD = re.compile(r"(?i)(?<=%3a%2f%2f)((?:(?!%3a|%2f|%40)[^\s&])*)%3a[^\s&]*?%40")
# password=..., as a parameter, in a libpq string (values in quotes may hold spaces), in a dict.
_NAMED_SECRET = re.compile(
    r"""(?ix)
    (?P<name> (?: (?<![a-z]) | (?<=%3b) | (?<=%26) ) (?:ssl|pg)?
        (?:password|passwd|pwd|passphrase|secret|token|(?:access|auth|api)_?(?:token|key)) )
    (?P<is> ["']? \s* (?: = | %3d | (?<=["']):) \s* | ["']\s*:\s* )
    (?P<value> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" | (?: (?!%3b|%26) [^\s&;,'"{}()] )+ )
    """
)


def mask_password(text: str) -> str:
    """Return the text with the password of every address in it replaced by ``***``."""
    text = _NAMED_SECRET.sub(r"\g<name>\g<is>***", text)
    text = _ENCODED_PASSWORD.sub(r"\1%3A***%40", text)
    return _PASSWORD.sub(r"\1:***@", text)


def has_password(url: str) -> bool:
    """Return whether an address has a password; the path of an SQLite file has none."""
    return not url.startswith("sqlite") and mask_password(url) != url


def passwords_in(url: str) -> tuple[str, ...]:
    """Return the passwords of an address as other text may have them: as written, and decoded.

    The message of a library may quote a part of the address, where nothing marks it as a password.
    One of three characters or fewer is left out: any text may contain it.
    """
    written = [match[2] for match in _PASSWORD.finditer(url)]
    written += [match["value"].strip("'\"") for match in _NAMED_SECRET.finditer(url)]
    forms = {form for text in written for form in (text, unquote(text), unquote_plus(text))}
    return tuple(sorted((f for f in forms if len(f) >= SHORTEST_KNOWN), key=len, reverse=True))


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
