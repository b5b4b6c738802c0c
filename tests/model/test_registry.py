from __future__ import annotations

import inspect
from typing import get_args

import pytest
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.registry import (
    BASE_LOSSES,
    LOSS_VARIANTS,
    MEMBER_LOSSES,
    PREDICTORS,
    LossVariant,
    load,
)
from fieldsharp.model.settings import LossSettings


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_is_a_module(name: str) -> None:
    assert issubclass(load(PREDICTORS[name], "predictor.name"), nn.Module)


VARIANTS = pytest.mark.parametrize("variant", LOSS_VARIANTS.values(), ids=LOSS_VARIANTS.keys())


@pytest.mark.parametrize(
    "path",
    [
        *(variant.path for variant in LOSS_VARIANTS.values()),
        *BASE_LOSSES.values(),
        *MEMBER_LOSSES.values(),
    ],
)
def test_every_loss_is_a_function_with_a_docstring(path: str) -> None:
    term = load(path, "loss")

    assert callable(term)
    assert term.__doc__


@VARIANTS
def test_a_variant_takes_progress_exactly_if_it_says_so(variant: LossVariant) -> None:
    accepted = inspect.signature(load(variant.path, "loss.variant")).parameters

    assert list(accepted)[:3] == ["pred_BTCHW", "target_BTCHW", "mask_HW"]
    assert list(accepted)[3:] == (["progress"] if variant.takes_progress else [])


@VARIANTS
def test_a_variant_says_what_it_is_lowest_for(variant: LossVariant) -> None:
    assert variant.optimum
    assert "\n" not in variant.optimum
    as_for_mse = variant.optimum.startswith("the conditional mean, as for")
    assert not (variant.sharpens and as_for_mse)


@VARIANTS
def test_what_a_variant_is_measured_by_can_be_loaded(variant: LossVariant) -> None:
    if variant.measured_by is not None:
        assert callable(load(variant.measured_by, "loss.variant"))


def test_no_two_names_stand_for_the_same_term() -> None:
    paths = [variant.path for variant in LOSS_VARIANTS.values()]

    assert len(set(paths)) == len(paths)


def test_the_base_losses_are_those_the_settings_offer() -> None:
    assert set(get_args(LossSettings.model_fields["base"].annotation)) == {
        *BASE_LOSSES,
        *MEMBER_LOSSES,
    }


def test_a_missing_module_is_refused_by_the_setting_that_named_it() -> None:
    with pytest.raises(
        ConfigError, match=r"^loss\.variant names the module 'no\.such'.*PYTHONPATH$"
    ):
        load("no.such:thing", "loss.variant")


def test_a_missing_name_is_refused_by_the_setting_that_named_it() -> None:
    with pytest.raises(ConfigError, match=r"^loss\.base names 'mae', which module"):
        load("fieldsharp.model.losses.pointwise:mae", "loss.base")
