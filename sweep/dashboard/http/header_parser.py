"""The headers of a request, read so that they have one meaning or none."""

import re
from typing import Any

from cheroot.server import HeaderReader

_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")  # an underscore would pass for a hyphen later
_MOST = 100
_JOINED = (b"Accept", b"Accept-Encoding", b"Accept-Language", b"Cache-Control", b"Connection")
_COOKIE = b"Cookie"


class HeaderParser(HeaderReader):
    """Reads headers into a dictionary; what two programs could read differently is refused.

    Cheroot's own reader takes the last of two ``Host`` or ``Content-Length`` headers, joins lines
    that begin with a blank, and lets ``Content_Length`` stand for ``Content-Length``.
    """

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Read up to the empty line.

        Raises:
            ValueError: If they are not as they should be, with the reason.
        """
        found: dict[bytes, bytes] = {} if hdict is None else hdict
        for _ in range(_MOST + 1):
            line = rfile.readline()
            if line == b"\r\n":
                return found
            if not line.endswith(b"\r\n"):
                raise ValueError("Headers must end in CRLF and an empty line.")
            name, colon, value = line[:-2].partition(b":")
            if not colon or not _NAME.fullmatch(name.replace(b"_", b"-")):
                raise ValueError("Illegal header line.")
            if b"_" in name:
                continue
            name, value = name.title(), value.strip(b" \t")
            if any(character < 32 and character != 9 for character in value):
                raise ValueError("Control characters in a header.")
            if name not in found:
                found[name] = value
            elif name in _JOINED:
                found[name] += b", " + value
            elif name == _COOKIE:
                found[name] += b"; " + value
            else:
                raise ValueError("A header stands there twice.")
        raise ValueError("Too many headers.")
