"""Modules of the user's in the working folder: imported when named, and at no other time.

A working folder may hold a ``random.py``, a ``numpy.py`` or the folder ``wandb`` that W&B writes.
None of them may be imported in place of a module of that name.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAFE_PATH = "PYTHONSAFEPATH"
_OURS = "while a process of the sweep starts"


def search_working_folder() -> None:
    """Look for modules in the working folder too, after every other place."""
    try:
        here = str(Path.cwd())
    except OSError:  # it was removed
        return
    if here not in sys.path:
        sys.path.append(here)


@contextmanager
def safe_path() -> Iterator[None]:
    """Start Python processes that do not import modules from the working folder as they start.

    ``multiprocessing`` starts them with ``python -c``, for which the working folder comes before
    the standard library: a ``signal.py`` of the user's would end each of them.
    """
    if os.environ.get(SAFE_PATH):
        yield
        return
    os.environ[SAFE_PATH] = _OURS
    try:
        yield
    finally:
        os.environ.pop(SAFE_PATH, None)


def leave_safe_path() -> None:
    """Undo ``safe_path`` in a started process: the scripts it runs need their own folders."""
    if os.environ.get(SAFE_PATH) == _OURS:
        del os.environ[SAFE_PATH]
