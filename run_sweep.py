#!/usr/bin/env python3
"""Command line entry: ``python run_sweep.py --help``."""

import sys
from collections.abc import Callable, Sequence

from fieldsharp.core.program_name import started_from_checkout
from fieldsharp.sweep.commands.process import run_process


def load() -> Callable[[Sequence[str]], int]:
    """Import the command line and return its main function."""
    try:
        from fieldsharp.sweep.command_line import main
    except ModuleNotFoundError as error:  # outside the environment this is installed in
        sys.exit(
            f"error: the module {error.name!r} is missing; activate the environment (source "
            ".venv/bin/activate), or install with make sweep or pip install -r requirements.txt"
        )
    return main


if __name__ == "__main__":
    started_from_checkout()
    sys.exit(run_process(load, sys.argv[1:]))
