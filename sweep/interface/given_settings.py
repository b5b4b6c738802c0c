"""Settings of a sweep or a training as Python gives them: files, mappings, or settings."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import ConfigFile, as_overrides, configure
from fieldsharp.sweep.configuration.safe_yaml import read_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig

Config = str | os.PathLike[str] | Mapping[str, Any] | SweepConfig
Settings = Mapping[str, Any] | Sequence[str]
"""Values by setting, or texts as those of ``--set``."""


def given_config(
    config: Config, overrides: Sequence[str], *, one_training: bool = False
) -> ConfigFile:
    """Return settings, however they are given.

    Args:
        config: A file, a mapping as in a file, or settings.
        overrides: ``key.path=value`` each.
        one_training: Whether the search need not fit the settings.

    Raises:
        ConfigError: If they are wrong.
    """
    folder = Path.cwd()
    if isinstance(config, SweepConfig):
        tree, source = config.model_dump(mode="json", exclude_unset=True), "the settings"
    elif isinstance(config, Mapping):
        tree, source = plain(config), "the mapping of settings"
    elif isinstance(config, str | os.PathLike):
        path = Path(config).expanduser()
        tree, source, folder = read_yaml(path), str(path), path.resolve().parent
    else:
        raise ConfigError(
            "config must be the path of a YAML file or a mapping of settings, found "
            f"{type(config).__name__}"
        )
    return configure(tree, source, folder, overrides, one_training=one_training)


def texts(given: Settings) -> list[str]:
    """Return settings as ``key.path=value`` each.

    Raises:
        ConfigError: If a value is none that a configuration can hold.
    """
    if isinstance(given, Mapping):
        return as_overrides(plain(given))
    return [given] if isinstance(given, str) else list(given)


def plain(value: Any) -> Any:
    """Return a value in the types of a YAML file: paths as text, numbers of NumPy as Python's."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if isinstance(value, np.generic) else value
