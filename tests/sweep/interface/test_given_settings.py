"""Settings as Python gives them."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.interface.given_settings import given_config


@pytest.mark.parametrize(
    "objective",
    [
        {},
        {"targets": {"gradient": 3.0, "peak": "auto"}},
        {"targets": {"t2m": {"gradient": 3.0, "peak": 140}}},
    ],
)
def test_validated_settings_are_settings_again(tiny_yaml: Path, objective: dict[str, Any]) -> None:
    config = load_config(tiny_yaml).config
    if objective:
        config = type(config).model_validate(
            {**config.model_dump(exclude_unset=True), "objective": objective}
        )
    assert given_config(config, []).config == config
