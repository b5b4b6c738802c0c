"""Searches whose trials may go on from the weights of the baseline: what is refused, and how."""

from typing import Any

import pytest
from pydantic import ValidationError

from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.settings import SweepConfig

BASELINE = {"training": {"start": "baseline"}}
EITHER = {"training.start": {"choices": ["fresh", "baseline"]}}
WEIGHTS = {"gradient_weight": {"low": 0.1, "high": 1.0}}
ENSEMBLE = {"name": "ensemble", "options": {"member": "unet", "members": 4}}


def _config(space: dict[str, Any], **sections: Any) -> SweepConfig:
    search = {"space": space, **sections.pop("search", {})}
    tree = {"data": {"path": "a.nc"}, "search": search, "loss": {"variant": "sorted"}}
    return SweepConfig.model_validate({**tree, **sections})


@pytest.mark.parametrize(
    ("space", "sections", "said"),
    [
        (
            {"predictor.width": {"choices": [8, 16]}},
            BASELINE,
            "search.space.predictor.width is searched and training.start may be baseline",
        ),
        (
            {"predictor.name": {"choices": ["unet", "ensemble"]}, **EITHER},
            {},
            "search.space.predictor.name is searched",
        ),
        ({"predictor.options.noise": {"choices": ["a", "b"]}}, BASELINE, "options.noise is searc"),
        (
            {"predictor.options.depth": {"choices": [1, 2]}},
            {**BASELINE, "predictor": ENSEMBLE},
            "search.space.predictor.options.depth is searched",
        ),
        ({"training.epochs": {"low": 3, "high": 9}, **EITHER}, {}, "search training.fine_tuning"),
        (
            {**WEIGHTS, "training.fine_tuning": {"low": 0.1, "high": 0.5}},
            {},
            "fine_tuning has no effect while training.start is fresh",
        ),
        ({**WEIGHTS, **EITHER}, {"search": {"pruner": "median"}}, "search.pruner is median"),
        (WEIGHTS, {"training": {"start": "warm"}}, "Input should be 'fresh' or 'baseline'"),
        (WEIGHTS, {"training": {"fine_tuning": 0.0}}, "greater than 0"),
    ],
)
def test_what_does_not_go_with_it_is_refused(
    space: dict[str, Any], sections: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        _config(space, **sections)


def test_what_members_differ_by_may_be_searched() -> None:
    space = {
        "predictor.options.members": {"choices": [2, 4]},
        "predictor.options.noise": {"choices": ["input", "dropout"]},
        "training.fine_tuning": {"low": 0.1, "high": 0.5},
        **EITHER,
    }
    config = _config(space, predictor=ENSEMBLE, search={"pruner": "promotion"})
    assert config.starts_from_baseline
    assert _config(WEIGHTS, **BASELINE, search={"pruner": "median"}).starts_from_baseline
    assert not _config(WEIGHTS).starts_from_baseline


def test_a_script_begins_as_it_likes() -> None:
    script = {"command": ["python", "t.py"], "given": {"weight": 0.1}, "metrics": "m.json"}
    with pytest.raises(ValidationError, match="a script of trainer begins with weights of its own"):
        SweepConfig.model_validate(
            {
                "trainer": script,
                "objective": {"targets": {"gradient": 3.0, "peak": 140.0}},
                "search": {"space": {"weight": {"low": 0.1, "high": 1.0}}},
                **BASELINE,
            }
        )


@pytest.mark.parametrize("space", [WEIGHTS, {**WEIGHTS, **EITHER}])
def test_the_baseline_always_starts_fresh(space: dict[str, Any]) -> None:
    config = _config(space, **BASELINE)
    run = presets(config)[0].run(config, {"training.start": "baseline"})
    assert run.training.start == "fresh"
    assert "training.start" not in presets(_config(WEIGHTS))[0].values, "as it was stored before"


def test_the_baseline_of_an_ensemble_is_its_member_without_what_members_differ_by() -> None:
    options = {"member": "unet", "members": 4, "noise": "dropout", "dropout": 0.2}
    config = _config(WEIGHTS, **BASELINE, predictor={"name": "ensemble", "options": options})
    run = presets(config)[0].run(config)
    assert (run.predictor.name, run.predictor.options) == ("unet", {})
    assert (run.loss.base, run.training.start) == ("mse", "fresh")
