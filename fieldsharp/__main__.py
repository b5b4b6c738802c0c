"""The command ``fieldsharp``, also started as ``python -m fieldsharp``."""

import sys
from collections.abc import Callable, Sequence


def main() -> int:
    """Run the command of this process and return its exit code."""
    from fieldsharp.core.program_name import started_as_package
    from fieldsharp.sweep.commands.process import run_process

    started_as_package(sys.argv[0])
    return run_process(_load, sys.argv[1:])


def _load() -> Callable[[Sequence[str]], int]:
    from fieldsharp.sweep.command_line import main

    return main


def _leave_out_working_folder() -> None:
    """Take the working folder, which ``python -m`` puts first, off the path.

    A file of the user's such as ``random.py`` or ``numpy.py`` would be imported in place of the
    module that is meant. It stays where this package itself was found in it.
    """
    from pathlib import Path

    package = Path(__file__).resolve().parent
    if not sys.flags.safe_path and Path(sys.path[0], package.name).resolve() != package:
        del sys.path[0]


if __name__ == "__main__":
    _leave_out_working_folder()
    sys.exit(main())
