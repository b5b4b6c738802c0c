"""What a shell completes beside commands and options: names of studies, and settings.

It runs at every press of the key, so it loads little; and it never says a word: where anything is
wrong there is nothing to complete.
"""

import os
import shlex
from collections.abc import Iterator, MutableMapping
from typing import Annotated

import typer

from fieldsharp.core.secret_variables import STORAGE_VARIABLE
from fieldsharp.sweep.commands.options import DEFAULT_STORAGE

BREAKS = (":", "=")


def complete_study(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of studies that begin like this, in the database that is named."""
    from fieldsharp.storage.sqlite.file import study_names

    address = context.params.get("storage") or os.environ.get(STORAGE_VARIABLE) or DEFAULT_STORAGE
    try:
        names = study_names(str(address))
    except Exception:  # noqa: BLE001 - whoever presses a key does not want to hear of it
        return []
    # A shell takes what is completed as if it were typed: a name that it would take apart, or
    # run, is for the person to type.
    return [n for n in names if n.startswith(incomplete) and shlex.quote(n) == n]


def mend_words(variables: MutableMapping[str, str]) -> None:
    """Put together what bash takes apart before it asks: a word at every colon and equals sign.

    Without that ``--storage sqlite:///x.db`` would be three words.

    Args:
        variables: The environment; changed where bash asks for a completion.
    """
    try:
        words = variables["COMP_WORDS"].split("\n")
        current = int(variables["COMP_CWORD"])
    except (KeyError, ValueError):
        return
    mended: list[str] = []
    goes_on = False
    for word in words[: current + 1]:
        is_break = word in BREAKS
        if mended and (is_break or goes_on):
            mended[-1] += word
        else:
            mended.append(word)
        goes_on = is_break
    variables["COMP_WORDS"] = "\n".join(mended)
    variables["COMP_CWORD"] = str(len(mended) - 1)


def complete_setting(incomplete: str) -> list[str]:
    """Return the settings that begin like this, each with its equals sign."""
    try:
        from fieldsharp.sweep.configuration.settings import SweepConfig

        return [f"{path}=" for path in _paths(SweepConfig, "") if path.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - as above
        return []


def _paths(model: type, prefix: str) -> Iterator[str]:
    from pydantic import BaseModel

    from fieldsharp.fields.settings import section_of

    assert issubclass(model, BaseModel), "settings are made of settings"
    for name, field in model.model_fields.items():
        section = section_of(field.annotation)
        if section is not None:
            yield from _paths(section, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


Study = Annotated[str, typer.Argument(help="Name of the study.", autocompletion=complete_study)]
