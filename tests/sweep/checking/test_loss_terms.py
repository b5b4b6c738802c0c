"""Every term there is passes by itself, and those that are checked are those that are reached."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fieldsharp.model.registry import LOSS_VARIANTS
from fieldsharp.sweep.checking.context import CheckContext
from fieldsharp.sweep.checking.loss_terms import check_term, terms_reached

MakeContext = Callable[..., CheckContext]
SINGLED: dict[str, float | str] = {"gradient_weight": 1.0, "multi_step": "all"}


@pytest.mark.parametrize("name", [name for name in LOSS_VARIANTS if name != "none"])
def test_each_variant_alone_can_be_trained_on(context_of: MakeContext, name: str) -> None:
    found = check_term(context_of(), {"variant": name, **SINGLED})
    assert found.ok, found.detail
    assert found.fix == ""


def test_the_terms_are_those_that_can_be_reached(context_of: MakeContext) -> None:
    assert list(terms_reached(context_of())) == ["mse", "sobel"]
    peaks = context_of("loss.variant=gdl", "loss.peak_weight=0.1", "loss.base=l1")
    assert list(terms_reached(peaks)) == ["l1", "gdl", "sobel", "extremes"]
    searched = context_of("search.space.loss.peak_weight={low: 0.0, high: 1.0}")
    assert "extremes" in terms_reached(searched)


def test_a_term_that_rises_under_training_fails(
    context_of: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    uphill = "tests.sweep.checking.faulty:uphill_mse"
    monkeypatch.setitem(LOSS_VARIANTS, "sobel", replace(LOSS_VARIANTS["sobel"], path=uphill))
    found = check_term(context_of(), {"variant": "sobel", **SINGLED})
    assert not found.ok
    assert found.fix.startswith("check the sign")


@pytest.mark.parametrize("with_base", [True, False])
def test_a_term_that_only_adds_to_the_base_loss_is_trained_on_beside_it(
    context_of: MakeContext, monkeypatch: pytest.MonkeyPatch, with_base: bool
) -> None:
    part = "tests.sweep.checking.faulty:slightly_uphill_mse"
    changed = replace(LOSS_VARIANTS["amse_mix"], path=part, only_with_base=with_base)
    monkeypatch.setitem(LOSS_VARIANTS, "amse_mix", changed)
    found = check_term(context_of("predictor.width=1"), {"variant": "amse_mix", **SINGLED})
    assert found.ok == with_base
    assert ("added to the base loss mse, as it is meant" in found.detail) == with_base


@pytest.mark.parametrize("base", ["mse", "l1"])
def test_the_difference_of_amse_and_mse_is_checked_beside_the_base_loss(
    context_of: MakeContext, base: str
) -> None:
    assert [name for name, v in LOSS_VARIANTS.items() if v.only_with_base] == ["amse_mix"]
    context = context_of("predictor.width=1", f"loss.base={base}")
    found = check_term(context, {"variant": "amse_mix", **SINGLED})
    assert found.ok, found.detail
    assert f"added to the base loss {base}, as it is meant" in found.detail


def test_a_difference_that_outweighs_its_base_loss_fails(
    context_of: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    uphill = "tests.sweep.checking.faulty:strongly_uphill_mse"
    monkeypatch.setitem(LOSS_VARIANTS, "amse_mix", replace(LOSS_VARIANTS["amse_mix"], path=uphill))
    found = check_term(context_of("predictor.width=1"), {"variant": "amse_mix", **SINGLED})
    assert not found.ok
    assert found.fix.startswith("check the sign")
