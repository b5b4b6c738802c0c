"""``example``: write an example configuration, to be changed for one's own data."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.core.checkout import IS_CHECKOUT, PROJECT
from fieldsharp.core.program_name import python_command
from fieldsharp.sweep.commands.printing import say_text

NAME = "example"
HELP = "Print an example configuration, to be changed for your own data."
_DATA = re.compile(r"(?<=path: )\.\./(\S+)")


class Example(StrEnum):
    """The configurations that come with this program."""

    QUICKSTART = "quickstart"
    PLUMES = "plumes"
    WEATHER = "weather"


def run(name: Annotated[Example, typer.Argument(help="Which one.")] = Example.QUICKSTART) -> None:
    """Print a configuration that works in any folder."""
    say_text(example(name))


def example(name: Example) -> str:
    """Return a configuration whose data are found from any folder.

    Data that have to be simulated are looked for next to the file; its comment has the command.
    """
    text = (PROJECT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
    if not IS_CHECKOUT:
        text = text.replace("python -m data.", f"{python_command()} -m fieldsharp.data.")
    return _DATA.sub(_shipped_or_beside, text).replace("-o data/", "-o ")


def _shipped_or_beside(found: re.Match[str]) -> str:
    shipped = Path(PROJECT, found[1])
    # In quotes, since a folder may have any name.
    return json.dumps(str(shipped)) if shipped.is_file() else found[1].removeprefix("data/")
