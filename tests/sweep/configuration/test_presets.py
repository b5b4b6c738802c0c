"""The trials that come first: the baseline and the plan's rounds."""

from typing import Any

import pytest

from fieldsharp.sweep.configuration.presets import preset_parameters, presets, values_outside
from fieldsharp.sweep.configuration.ranges import Choices
from fieldsharp.sweep.configuration.settings import DEFAULT_SPACE, SweepConfig


def _config(search: dict[str, Any], **sections: Any) -> SweepConfig:
    return SweepConfig.model_validate({"data": {"path": "a.nc"}, "search": search, **sections})


def _rounds(config: SweepConfig) -> list[tuple[object, ...]]:
    keys = ("loss.variant", "loss.gradient_weight", "loss.multi_step")
    return [tuple(preset.values.get(key) for key in keys) for preset in presets(config)]


def test_the_baseline_comes_first_and_then_the_plan() -> None:
    config = _config({})
    assert presets(config)[0].name == "baseline"
    assert _rounds(config) == [
        ("none", 0.0, None),
        ("gradient", 0.05, "last"),
        ("gradient", 0.2, "last"),
        ("gradient", 0.2, "all"),
        ("sobel", 0.2, "all"),
        ("fourier_amplitude", 0.2, "all"),
        ("laplacian", 0.2, "all"),
        ("multiscale", 0.2, "all"),
        ("gradient", 0.2, "all"),
    ]
    slower = presets(config)[-1].values
    assert slower["training.learning_rate"] == pytest.approx(0.3 * config.training.learning_rate)
    assert slower["training.warmup_fraction"] == 0.2


def test_names_differ_since_a_preset_is_known_by_its_name() -> None:
    names = [preset.name for preset in presets(_config({}))]
    assert len(set(names)) == len(names)


def test_the_plan_can_be_left_out_but_not_the_baseline() -> None:
    assert _rounds(_config({"presets": "baseline"})) == [("none", 0.0, None)]


def test_of_all_presets_those_that_sharpen_come_first() -> None:
    names = [preset.name for preset in presets(_config({"presets": "all"}))]
    kinds = [name.split()[0].rstrip(":") for name in names]
    assert list(dict.fromkeys(kinds)) == ["baseline", "sharpener", "plan"]


def test_rounds_outside_the_space_are_left_out() -> None:
    space = {
        "gradient_weight": {"low": 0.1, "high": 1.0},
        "loss_variant": {"choices": ["gradient", "multiscale"]},
        "multi_step": {"choices": ["last", "all"]},
    }
    assert _rounds(_config({"space": space}))[1:] == [
        ("gradient", 0.2, "last"),
        ("gradient", 0.2, "all"),
        ("multiscale", 0.2, "all"),
    ]


def test_rounds_that_change_a_fixed_setting_are_left_out() -> None:
    space = {"gradient_weight": {"low": 0.01, "high": 1.0}}
    config = _config({"space": space}, loss={"variant": "sobel", "multi_step": "all"})
    assert _rounds(config)[1:] == [("sobel", 0.2, "all")]


def test_a_preset_is_recorded_with_its_own_values_and_the_configured_rest() -> None:
    config = _config({}, training={"learning_rate": 2e-3, "warmup_fraction": 0.1})
    second_round = presets(config)[3]
    assert preset_parameters(second_round, config) == {
        "gradient_weight": 0.2,
        "loss_variant": "gradient",
        "multi_step": "all",
        "learning_rate": 2e-3,
        "warmup_fraction": 0.1,
    }


@pytest.mark.parametrize("configured", [1e-6, 5.0])
def test_what_is_recorded_of_the_baseline_lies_inside_the_space(configured: float) -> None:
    config = _config({}, training={"learning_rate": configured})
    recorded = preset_parameters(presets(config)[0], config)
    assert recorded["gradient_weight"] == 0.01
    variants = DEFAULT_SPACE["loss_variant"]
    assert isinstance(variants, Choices)
    assert recorded["loss_variant"] in variants.choices
    assert recorded["learning_rate"] == {1e-6: 1e-4, 5.0: 1e-2}[configured]


def test_an_option_of_the_predictor_can_be_searched_without_being_configured() -> None:
    space = {
        "predictor.options.depth": {"choices": [1, 2]},
        "predictor.options.rate": {"low": 0.5, "high": 1.5},
    }
    config = _config({"space": space})
    recorded = preset_parameters(presets(config)[0], config)
    assert recorded == {"predictor.options.depth": 1, "predictor.options.rate": 0.5}


def test_whole_numbers_are_recorded_where_whole_numbers_are_searched() -> None:
    config = _config(
        {
            "space": {
                **_DEFAULT,
                "gradient_weight": {"low": 0.01, "high": 1.0},
                "predictor.width": {"low": 20, "high": 32},
            }
        }
    )
    for preset in presets(config):
        recorded = preset_parameters(preset, config)["predictor.width"]
        assert (recorded, type(recorded)) == (20, int), preset.name


def test_a_linear_range_from_zero_holds_the_baseline_and_the_plan_as_they_are() -> None:
    config = _config({"space": {**_DEFAULT, "gradient_weight": {"low": 0, "high": 10}}})
    recorded = [preset_parameters(p, config)["gradient_weight"] for p in presets(config)]
    assert recorded == [0.0, 0.05, 0.2, 0.2, 0.2, 0.2]


_DEFAULT: dict[str, Any] = {
    "loss_variant": {"choices": ["gradient", "sobel", "laplacian"]},
    "multi_step": {"choices": ["last", "all"]},
}


def test_a_configured_value_outside_its_range_is_said() -> None:
    config = _config({}, training={"learning_rate": 0.5})
    assert values_outside(config) == [
        "training.learning_rate is 0.5, outside its range 0.0001 to 0.01: the baseline and the "
        "plan's rounds train with 0.01"
    ]
    assert values_outside(_config({})) == []


def _ensemble(**search: Any) -> SweepConfig:
    predictor = {"name": "ensemble", "width": 8, "options": {"members": 3, "depth": 1}}
    return _config({"presets": "baseline", **search}, predictor=predictor)


def test_the_baseline_of_an_ensemble_is_a_single_member_under_the_mean_square_error() -> None:
    config = _ensemble()
    assert config.loss.base == "crps"
    baseline = presets(config)[0].run(config)
    assert (baseline.predictor.name, baseline.predictor.options) == ("unet", {"depth": 1})
    assert (baseline.predictor.width, baseline.loss.base) == (8, "mse")


def test_an_ensemble_can_be_searched_beside_other_predictors() -> None:
    space = {"predictor.name": {"choices": ["unet", "ensemble"]}}
    config = _config({"presets": "baseline", "space": space})
    assert config.loss.base == "mse"
    assert config.run_with({"predictor.name": "ensemble"}).loss.base == "crps"
    assert config.run_with({"predictor.name": "unet"}).loss.base == "mse"
    assert presets(config)[0].run(config, {"predictor.name": "unet"}).loss.base == "mse"


def test_the_crps_goes_with_no_other_predictor() -> None:
    with pytest.raises(ValueError, match=r"loss\.base is crps, which judges the members of an"):
        _config({}, loss={"base": "crps"})


def test_a_round_without_peak_term_is_left_out_where_one_is_configured() -> None:
    config = _config({}, loss={"peak_weight": 0.5})
    assert [preset.name for preset in presets(config)] == ["baseline"]
    searched = {
        **_DEFAULT,
        "gradient_weight": {"low": 0.01, "high": 1.0},
        "peak_weight": {"low": 0.1, "high": 1.0},
    }
    assert len(presets(_config({"space": searched}, loss={"peak_weight": 0.5}))) > 1
