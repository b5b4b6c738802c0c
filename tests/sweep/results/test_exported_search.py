"""Every export is taken by ``train``, and by ``start`` where a search is left in it."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.results.exported_search import exported_search

WEIGHTS = {"low": 0.01, "high": 10.0, "log": True}
VARIANTS = {"choices": ["sobel", "sorted"]}
STEPS = {"choices": ["last", "all"]}
SORTED = {"variant": "sorted", "gradient_weight": 0.5}
SCRIPT = {
    "command": ["python", "t.py"],
    "given": {"weight": 0.05},
    "baseline": {"weight": 0.0},
    "metrics": "m.json",
}


def _config(space: dict[str, Any], **sections: Any) -> SweepConfig:
    tree = {"data": {"path": "/a.nc"}, **sections}
    search = {"presets": "baseline", **sections.get("search", {}), "space": space}
    return SweepConfig.model_validate({**tree, "search": search})


def _exported(config: SweepConfig, values: dict[str, Any], folder: Path) -> Path:
    """The file of a trial with these values, by dotted path."""
    run = config.run_with(values)
    plain = {**config.model_dump(mode="json"), **run.model_dump(mode="json")}
    path = folder / "best.yaml"
    path.write_text(dump_yaml({**plain, "search": exported_search(config, run)}))
    return path


@pytest.mark.parametrize(
    "config",
    [
        _config({"gradient_weight": WEIGHTS}, loss={"variant": "sorted"}),
        _config({"gradient_weight": WEIGHTS, "multi_step": STEPS}, loss={"variant": "sorted"}),
        _config({"loss_variant": VARIANTS}, loss={"gradient_weight": 0.5}),
        _config({"multi_step": STEPS}, loss=SORTED),
        _config({"multi_step": STEPS}, loss={"peak_weight": 0.5}),
        _config({"multi_step": STEPS}, loss={**SORTED, "peak_weight": 0.5}),
        _config({"loss.peak_variant": VARIANTS}, loss={"peak_weight": 0.5}),
        _config({"learning_rate": {"low": 1e-4, "high": 1e-2}}, loss=SORTED),
        _config({"loss_variant": VARIANTS, "gradient_weight": WEIGHTS}),
        _config(
            {"gradient_weight": WEIGHTS, "loss_variant": VARIANTS}, predictor={"name": "ensemble"}
        ),
        _config(
            {"weight": WEIGHTS}, trainer=SCRIPT, objective={"targets": {"gradient": 3, "peak": 4}}
        ),
    ],
)
def test_an_exported_baseline_starts_the_search_of_its_study(
    config: SweepConfig, tmp_path: Path
) -> None:
    path = _exported(config, presets(config)[0].values, tmp_path)
    load_config(path, one_training=True)
    started = load_config(path).config
    before, after = config.search.space, started.search.space
    assert {name: after[name] for name in before} == before
    more = {name: after[name] for name in after.keys() - before.keys()}
    assert all(len(searched.choices) == 1 for searched in more.values())  # type: ignore[union-attr]


def test_the_single_choices_are_what_the_study_has(tmp_path: Path) -> None:
    config = _config({"multi_step": STEPS}, loss={**SORTED, "peak_weight": 0.25})
    path = _exported(config, presets(config)[0].values, tmp_path)
    space = load_config(path).config.search.space
    assert {name: searched.model_dump() for name, searched in space.items()} == {
        "multi_step": {"choices": ("last", "all")},
        "loss_variant": {"choices": ("sorted",)},
        "gradient_weight": {"choices": (0.5,)},
        "peak_weight": {"choices": (0.25,)},
    }


def test_an_export_whose_search_fits_is_left_as_it_is() -> None:
    config = _config({"gradient_weight": WEIGHTS, "loss_variant": VARIANTS})
    run = config.run_with({"loss.variant": "none", "loss.gradient_weight": 0.0})
    assert exported_search(config, run) == config.search.model_dump(mode="json")


def test_an_exported_ensemble_starts_a_search_for_other_predictors_too(tmp_path: Path) -> None:
    config = _config(
        {"predictor.name": {"choices": ["unet", "ensemble"]}, "gradient_weight": WEIGHTS},
        loss=SORTED,
    )
    path = _exported(config, {"predictor.name": "ensemble"}, tmp_path)
    assert load_config(path, one_training=True).config.loss.base == "crps"
    started = load_config(path).config
    assert started.search.space["loss.base"].model_dump() == {"choices": ("mse",)}
    unet = started.run_with({"predictor.name": "unet", "loss.base": "mse"})
    assert unet == config.run_with({"predictor.name": "unet"})


def test_a_trial_shorter_than_the_rungs_is_trained_but_starts_no_search(tmp_path: Path) -> None:
    config = _config(
        {"training.epochs": {"low": 3, "high": 12}}, search={"pruner": "promotion", "rungs": [3, 6]}
    )
    path = _exported(config, {"training.epochs": 4}, tmp_path)
    assert load_config(path, one_training=True).config.training.epochs == 4
    with pytest.raises(ConfigError, match=r"rungs ends with 6, and training.epochs is 4"):
        load_config(path)
    assert load_config(path, ["search.rungs=[1, 2]"]).config.search.rungs == (1, 2)


def test_a_search_that_has_no_effect_is_still_refused_where_a_sweep_is_started(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("data: {path: a.nc}\nsearch: {space: {multi_step: {choices: [last, all]}}}\n")
    load_config(path, one_training=True)
    with pytest.raises(ConfigError, match=r"multi_step has no effect while loss.variant is none"):
        load_config(path)


def test_a_wrong_choice_is_named_whatever_else_has_a_single_one() -> None:
    with pytest.raises(ValueError, match=r"search.space.predictor.width allows 0, but"):
        _config(
            {"multi_step": {"choices": ["all"]}, "predictor.width": {"choices": [0]}}, loss=SORTED
        )
