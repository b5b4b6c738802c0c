"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError
from fieldsharp.core.secret_variables import STORAGE_VARIABLE
from fieldsharp.storage.location.url import DEFAULT_URL

DEFAULT_STORAGE = DEFAULT_URL
DEFAULT_CONFIG = Path("configs/quickstart.yaml")


def find_config(config: Path) -> Path:
    """Return the default configuration of this project wherever the command is run from."""
    if config == DEFAULT_CONFIG and not config.exists():
        return PROJECT / DEFAULT_CONFIG
    return config


def storage_address(value: str) -> str:
    """Return the address of the database, once: one with a password leaves the environment.

    Every process started from here on would inherit it, and code of the user's runs in those.

    Raises:
        ConfigError: If it carries a password and came by argument, where every user of the
            machine can read it.
    """
    import os

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
