from __future__ import annotations

from typing import get_args

import pytest
from torch import nn

from fields.errors import ConfigError
from model.catalog import BASE_LOSSES, LOSS_VARIANTS, PREDICTORS, load
from model.settings import LossSettings


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_is_a_module(name: str) -> None:
    assert issubclass(load(PREDICTORS[name], "predictor.name"), nn.Module)


@pytest.mark.parametrize("path", [*LOSS_VARIANTS.values(), *BASE_LOSSES.values()])
def test_every_loss_is_a_function_with_a_docstring(path: str) -> None:
    term = load(path, "loss")

    assert callable(term)
    assert term.__doc__


def test_the_base_losses_are_those_the_settings_offer() -> None:
    assert set(get_args(LossSettings.model_fields["base"].annotation)) == set(BASE_LOSSES)


def test_a_missing_module_is_refused_by_the_setting_that_named_it() -> None:
    with pytest.raises(
        ConfigError, match=r"^loss\.variant names the module 'no\.such'.*PYTHONPATH$"
    ):
        load("no.such:thing", "loss.variant")


def test_a_missing_name_is_refused_by_the_setting_that_named_it() -> None:
    with pytest.raises(ConfigError, match=r"^loss\.base names 'mae', which module"):
        load("model.losses.pointwise:mae", "loss.base")
