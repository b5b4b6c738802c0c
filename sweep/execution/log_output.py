"""Sets up the log of a process: one line a record on standard error, library warnings included.

Python itself prints a warning with the path of a file and a line of its source, which is no help
to a person who runs a sweep.
"""

import logging
import sys
import warnings
from typing import TextIO

from fieldsharp.storage.location.passwords import MaskedFormatter, Masking

logger = logging.getLogger(__name__)
LONGEST_WARNING = 500


class StandardErrorHandler(logging.StreamHandler[TextIO]):
    """Writes to the current ``sys.stderr``: above the live table while one is drawn."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The standard error."""
        return sys.stderr


def log_of_commands(masking: Masking, *, debug: bool) -> None:
    """Write the log of this process to the standard error, without passwords."""
    handler = StandardErrorHandler()
    handler.setFormatter(MaskedFormatter(masking))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])  # for libraries
    logging.getLogger("fieldsharp").setLevel(logging.DEBUG if debug else logging.INFO)
    warnings.showwarning = _log_warning


def log_of_workers() -> None:
    """Write warnings and errors of a worker process to the standard error.

    No handler is installed: a plugin may still set up a log of its own.
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(MaskedFormatter(Masking()))
    warnings.showwarning = _log_warning


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - of the protocol
    line: str | None = None,  # noqa: ARG001
) -> None:
    text = " ".join(str(message).split())
    if len(text) > LONGEST_WARNING:
        text = f"{text[:LONGEST_WARNING]}..."
    logger.warning("a library warns: %s (%s)", text, category.__name__)
    logger.debug("it warned in line %d of %s", lineno, filename)
