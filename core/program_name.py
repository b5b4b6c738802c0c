"""How this program is started, for messages that tell what to type.

It is found once, by the entry points, and inherited by every process that they start.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

from fieldsharp.core.checkout import IS_CHECKOUT

VARIABLE = "SWEEP_STARTED_AS"
FILE = "run_sweep.py"
IN_CHECKOUT = f"python {FILE}"
COMMAND = "fieldsharp"


def program() -> str:
    """Return the words before the arguments, as the user types them."""
    return os.environ.get(VARIABLE) or (IN_CHECKOUT if IS_CHECKOUT else COMMAND)


def program_elsewhere() -> str:
    """Return the same for a text that is kept: its reader may be in another folder or machine."""
    return IN_CHECKOUT if program() == IN_CHECKOUT else COMMAND


def usage_name() -> str:
    """Return the program as usage lines and completion name it: a word that a shell completes."""
    return FILE if program() == IN_CHECKOUT else COMMAND


def python_command() -> str:
    """Return how the interpreter of this process is typed."""
    here = Path(sys.executable).parent.resolve()
    for name in ("python", "python3"):
        found = shutil.which(name)
        if found is not None and Path(found).parent.resolve() == here:
            return name
    return shlex.quote(sys.executable)


def started_from_checkout() -> None:
    """Note that ``run_sweep.py`` was started."""
    os.environ[VARIABLE] = IN_CHECKOUT


def started_as_package(first_word: str) -> None:
    """Note that the installed command or ``python -m fieldsharp`` was started.

    Args:
        first_word: ``sys.argv[0]``: the path of the command, as typed or found on the path.
    """
    path = Path(first_word)
    if path.name == "__main__.py":
        os.environ[VARIABLE] = f"{python_command()} -m {COMMAND}"
        return
    found = shutil.which(COMMAND)
    is_on_path = found is not None and path.exists() and path.samefile(found)
    os.environ[VARIABLE] = COMMAND if is_on_path else shlex.quote(first_word)
