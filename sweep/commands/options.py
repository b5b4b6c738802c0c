"""Options that several commands share, and their completion by a shell.

Completion runs at every press of the key: it imports little, and completes nothing on an error.
"""

import os
import shlex
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.core.checkout import IS_CHECKOUT, PROJECT
from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import STORAGE_VARIABLE
from fieldsharp.storage.location.url import DEFAULT_URL

DEFAULT_STORAGE = DEFAULT_URL
QUICKSTART = Path("configs/quickstart.yaml")
BREAKS = (":", "=")


Config = Annotated[
    Path | None,
    typer.Argument(help="YAML file; without one, the quickstart's.", show_default=False),
]


def find_config(config: Path | None) -> Path:
    """Return the named configuration, or the quickstart's that comes with this program."""
    if config is not None:
        return config
    # In a checkout a person may be in a copy of it; elsewhere configs/ is the user's own.
    return QUICKSTART if IS_CHECKOUT and QUICKSTART.exists() else PROJECT / QUICKSTART


def storage_address(value: str) -> str:
    """Return the address of the database; one with a password is removed from the environment.

    Processes started from here on would inherit it, and they run code of the user.

    Raises:
        ConfigError: If it carries a password and came by argument, where every user of the
            machine can read it.
    """
    from fieldsharp.storage.location.passwords import has_password, mask_password

    if has_password(value) and value != os.environ.get(STORAGE_VARIABLE):
        raise ConfigError(
            f"--storage {mask_password(value)} carries a password, which every user of this "
            f"machine could read; put the address into the environment variable "
            f"{STORAGE_VARIABLE} instead"
        )
    if has_password(os.environ.get(STORAGE_VARIABLE, "")):
        del os.environ[STORAGE_VARIABLE]
    return value


Storage = Annotated[
    str,
    typer.Option(
        "--storage",
        envvar=STORAGE_VARIABLE,
        show_envvar=True,
        help="Database address, such as sqlite:///sweeps.db.",
    ),
]


def complete_study(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of studies with this prefix, in the database given by ``--storage``."""
    from fieldsharp.storage.sqlite.file import study_names

    address = context.params.get("storage") or os.environ.get(STORAGE_VARIABLE) or DEFAULT_STORAGE
    try:
        names = study_names(str(address))
    except Exception:  # noqa: BLE001 - a message would land in the line being typed
        return []
    # A shell inserts a completion unquoted: names it would split or run are not completed.
    return [n for n in names if n.startswith(incomplete) and shlex.quote(n) == n]


def rejoin_completion_words(variables: MutableMapping[str, str]) -> None:
    """Rejoin the words that bash splits at every colon and equals sign before completing.

    Without that ``--storage sqlite:///x.db`` would be three words.

    Args:
        variables: The environment; changed where bash requests a completion.
    """
    try:
        words = variables["COMP_WORDS"].split("\n")
        current = int(variables["COMP_CWORD"])
    except (KeyError, ValueError):
        return
    joined: list[str] = []
    after_break = False
    for word in words[: current + 1]:
        is_break = word in BREAKS
        if joined and (is_break or after_break):
            joined[-1] += word
        else:
            joined.append(word)
        after_break = is_break
    variables["COMP_WORDS"] = "\n".join(joined)
    variables["COMP_CWORD"] = str(len(joined) - 1)


def complete_setting(incomplete: str) -> list[str]:
    """Return the settings with this prefix, each with its equals sign."""
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
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any setting, as key.path=value; may be repeated.",
        autocompletion=complete_setting,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
