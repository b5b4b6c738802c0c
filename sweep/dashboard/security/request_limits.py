"""How much of a request is read."""

from fieldsharp.sweep.dashboard.http.responses import Environ, Response, refusal

LARGEST_BODY = 32 * 2**20
"""In bytes. Only an uploaded file comes near: it is sent as text, a third larger than it is, and
held in memory several times over while it is taken in."""
LONGEST_LENGTH = 18
"""Digits of a length: more of them would not be read as a number."""


def check_size(environ: Environ) -> Response | None:
    """Return a refusal for a body that is too large or does not say its length.

    Lengths are decided here, before anything is read: what the pages send always has one.
    """
    if "HTTP_TRANSFER_ENCODING" in environ:
        return refusal(environ, "411 Length Required", "send the length of the body ahead of it")
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):  # int() would take -1, which reads for ever
        return refusal(environ, "400 Bad Request", "the length of the body is not a number")
    if len(length) > LONGEST_LENGTH or int(length) > LARGEST_BODY:
        return refusal(
            environ,
            "413 Content Too Large",
            f"the body has {length[:LONGEST_LENGTH]} bytes, and at most {LARGEST_BODY} are taken",
        )
    return None


def check_path(environ: Environ) -> Response | None:
    """Return a refusal for a path that is no text, which names nothing here.

    The application would leave out what it cannot read, and so see another path than the checks.
    """
    try:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode()  # as WSGI carries it
    except UnicodeDecodeError:
        path = "\0"
    if any(ord(character) < 32 for character in path):
        return refusal(environ, "400 Bad Request", "the path is not plain text in UTF-8")
    return None
