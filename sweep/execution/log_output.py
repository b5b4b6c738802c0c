"""The log of a process: clean lines on the standard error, warnings of libraries among them.

Python itself shows a warning with the path of a file and a line of its source, which says nothing
to somebody who runs a sweep.
"""

import logging
import sys
import warnings
from typing import TextIO

from fieldsharp.storage.location.passwords import MaskedFormatter, Masking

logger = logging.getLogger(__name__)
LONGEST_WARNING = 500


class StandardErrorHandler(logging.StreamHandler[TextIO]):
    """Writes to the standard error as it is at that moment: above a table while one is drawn."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The standard error."""
        return sys.stderr


def log_of_commands(masking: Masking, *, debug: bool) -> None:
    """Write the log of this process to the standard error.

    Args:
        masking: Keeps passwords out of it.
        debug: Whether every detail is wanted.
    """
    handler = StandardErrorHandler()
    handler.setFormatter(MaskedFormatter(masking))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])  # the level is of libraries
    logging.getLogger("fieldsharp").setLevel(logging.DEBUG if debug else logging.INFO)
    warnings.showwarning = _log_warning


def log_of_workers() -> None:
    """Write what goes wrong in a worker process to the standard error.

    No handler is put in place: a plugin may still set up a log of its own.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(MaskedFormatter(Masking()))
    warnings.showwarning = _log_warning


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the signature is Python's
    line: str | None = None,  # noqa: ARG001
) -> None:
    words = " ".join(str(message).split())
    if len(words) > LONGEST_WARNING:
        words = f"{words[:LONGEST_WARNING]}..."
    logger.warning("a library warns: %s (%s)", words, category.__name__)
    logger.debug("it warned in line %d of %s", lineno, filename)
