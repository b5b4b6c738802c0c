"""The settings of a sweep: what the space may hold, durations, and one training's settings."""

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from fieldsharp.sweep.configuration.ranges import NumberRange
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.configuration.settings import SweepConfig


def _config(**sections: Any) -> SweepConfig:
    return SweepConfig.model_validate({"data": {"path": "a.nc"}, **sections})


def _space_refusal(space: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        _config(search={"space": space})
    return str(caught.value.errors()[0]["msg"])


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("1d", 86400.0), ("1.5h", 5400.0), (45, 45.0)],
)
def test_a_duration_is_a_number_and_a_unit(given: object, seconds: float) -> None:
    assert _config(budget={"timeout": given}).budget.timeout_s == seconds


def test_without_a_duration_there_is_no_limit() -> None:
    assert _config().budget.timeout_s is None


@pytest.mark.parametrize("given", ["", "0m", "-5m", "5 weeks", "1h30m", "nan"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="must be a duration such as 90s, 30m, 2h or 1d"):
        _config(budget={"timeout": given})


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"gradient_weight": {"low": 2, "high": 1}}, "low must be below high, found 2"),
        ({"gradient_weight": {"low": 1, "high": 1}}, "low must be below high, found 1"),
        (
            {"gradient_weight": {"low": 0.0, "high": 1, "log": True}},
            "low must be above 0 where log is true, found 0.0",
        ),
        (
            {"learning_rate": {"low": 1e-3, "high": 20.0}},
            "search.space.learning_rate allows 20.0, but training.learning_rate: Input should be "
            "less than or equal to 10",
        ),
        (
            {"loss_variant": {"choices": ["sobel", "sobol"]}},
            "search.space.loss_variant allows 'sobol', but loss.variant: unknown loss variant",
        ),
        (
            {"predictor.width": {"choices": [8, 8.5]}},
            "search.space.predictor.width allows 8.5, but predictor.width",
        ),
        (
            {"learning_rate": {"low": 1e-4, "high": 1e-2}, "training.learning_rate": {"low": 1e-4}},
            "",
        ),
        ({"predictor": {"choices": [1]}}, "unknown parameter 'predictor'"),
        ({"data.history": {"low": 1, "high": 4}}, "unknown parameter 'data.history'"),
        ({"predictor.width.x": {"low": 1, "high": 4}}, "width is a single value"),
        ({"predictor.options": {"choices": [1]}}, "predictor.options"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space: dict[str, Any], said: str) -> None:
    assert said in _space_refusal(space)


@pytest.mark.parametrize("ends", [(4.0, 32.0), (4, 32.5), (4.0, 5.0)])
def test_a_range_with_fractions_is_refused_for_a_setting_of_whole_numbers(
    ends: tuple[float, float],
) -> None:
    space = {"predictor.width": {"low": ends[0], "high": ends[1]}}
    assert "search.space.predictor.width allows " in _space_refusal(space)


def test_whole_ends_on_a_fractional_setting_are_searched_as_fractions() -> None:
    space = {"warmup_fraction": {"low": 0, "high": 0.5}, "gradient_weight": {"low": 0, "high": 10}}
    found = _config(search={"space": space}, loss={"variant": "sobel"}).search.space
    kinds = [type(r.low) for r in found.values() if isinstance(r, NumberRange)]
    assert kinds == [float, float]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"gradient_weight": {"low": 0.1, "high": 1.0}}, "gradient_weight has no effect while"),
        ({"loss_variant": {"choices": ["sobel"]}}, "loss_variant has no effect while"),
        ({"training.seed": {"low": 0, "high": 9}}, "would reward luck"),
        ({"multi_step": {"choices": ["all", "all"]}}, "each choice may be given once"),
    ],
)
def test_a_search_that_could_find_nothing_is_refused(space: dict[str, Any], said: str) -> None:
    assert said in _space_refusal(space)


@pytest.mark.parametrize(
    "address",
    ["s3://AKIA:hunter22@bucket/x", "ftp://ann:hunter22@h/x", "https://h/x?token=hunter22"],
)
def test_a_secret_in_the_address_of_checkpoints_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ValidationError, match="must hold no password, key or token") as refused:
        _config(ray={"checkpoints": address})
    assert "hunter22" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("address", ["checkpoints", "file://checkpoints", "memory://x"])
def test_checkpoints_travel_through_one_place_that_all_see(address: str) -> None:
    with pytest.raises(ValidationError, match="every node"):
        _config(ray={"checkpoints": address})


@pytest.mark.parametrize("address", ["/shared/x", "file:///shared/x", "s3://bucket/x"])
def test_checkpoints_travel_through_shared_folders_and_stores(address: str) -> None:
    assert _config(ray={"checkpoints": address}).ray.checkpoints == address


def test_yes_is_no_number() -> None:
    with pytest.raises(ValidationError, match="epochs must be a number, found true"):
        _config(training={"epochs": True})


def test_one_setting_under_two_names_is_refused() -> None:
    ends = {"low": 1e-4, "high": 1e-2}
    message = _space_refusal({"learning_rate": ends, "training.learning_rate": ends})
    assert (
        "search.space names training.learning_rate twice, as learning_rate and "
        "training.learning_rate; keep one" in message
    )


def test_a_training_with_replaced_values_keeps_the_rest_and_is_checked() -> None:
    config = _config(training={"epochs": 7}, predictor={"options": {"depth": 1}})
    run = config.run_with({"training.learning_rate": 0.5, "predictor.options.depth": 3})
    assert (run.training.learning_rate, run.training.epochs) == (0.5, 7)
    assert run.predictor.options == {"depth": 3}
    assert config.predictor.options == {"depth": 1}
    with pytest.raises(ValidationError):
        config.run_with({"training.learning_rate": 11.0})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(_config(), "study", "other")  # noqa: B010 - mypy refuses the plain way


@pytest.mark.parametrize(
    "space",
    [
        {"gradient_weight": {"choices": [0.1, 1.0]}, "loss_variant": {"choices": ["none"]}},
        {"gradient_weight": {"choices": [0]}, "loss_variant": {"choices": ["sobel", "gradient"]}},
        {"multi_step": {"choices": ["last", "all"]}},
    ],
)
def test_a_term_that_can_only_be_nothing_is_no_search(space: dict[str, Any]) -> None:
    assert "has no effect while" in _space_refusal(space)


def test_yes_is_no_end_of_a_range() -> None:
    assert "low must be a number" in _space_refusal({"learning_rate": {"low": True, "high": 3}})


@pytest.mark.parametrize(
    ("values", "called"), [("env", "A=1"), ("env", ""), ("env", "A\0"), ("flags", "--a\0")]
)
def test_a_name_that_cannot_be_handed_to_a_script_is_refused_before_it_runs(
    values: Literal["env", "flags"], called: str
) -> None:
    with pytest.raises(ValidationError, match=r"trainer\.names\.rate is .* can be called"):
        ScriptSettings(
            command=("python", "a.py"),
            metrics="m.json",
            values=values,
            given={"rate": 0.5},
            names={"rate": called},
        )


def test_every_setting_of_one_training_is_taken_over_from_the_sweep() -> None:
    values = {
        "data": {"path": "a.nc", "history": 3},
        "predictor": {"name": "convlstm"},
        "loss": {"variant": "sobel", "gradient_weight": 0.3},
        "training": {"epochs": 7},
        "sharpening": {"name": "auto"},
        "plugins": ("my_project",),
        "trainer": {
            "command": ("python", "train.py"),
            "metrics": "metrics.json",
            "given": {"gradient_weight": 0.0},
        },
    }
    of_one_trial = {"start_from"}  # which no sweep has
    settings = RunSettings.model_fields.keys() - of_one_trial
    assert values.keys() == settings, "give the new field another value here"
    run = RunSettings.model_validate(values)
    for name in settings:
        field = RunSettings.model_fields[name]
        assert getattr(run, name) != field.get_default(call_default_factory=True), name
    sweep = _config(
        **values,
        search={"space": {"gradient_weight": {"low": 0.1, "high": 1.0}}},
        objective={"targets": {"gradient": 1.0, "peak": 1.0}},
    )
    assert sweep.run == run


IMAGE: dict[str, Any] = {
    "name": "image",
    "options": {
        "module": "neuralop.models:FNO",
        "arguments": {"n_modes": (8, 8), "hidden_channels": 32, "more": {"norm": None}},
    },
}


def _of_fno(space: dict[str, Any], **arguments: Any) -> SweepConfig:
    options = {**IMAGE["options"], "arguments": {**IMAGE["options"]["arguments"], **arguments}}
    return SweepConfig.model_validate(
        {
            "data": {"path": "a.nc"},
            "plugins": ["neuralop"],
            "predictor": {**IMAGE, "options": options},
            "search": {"space": space},
        }
    )


def test_an_argument_of_a_net_of_a_library_can_be_searched() -> None:
    name = "predictor.options.arguments.hidden_channels"
    config = _of_fno(
        {name: {"choices": [16, 32]}, "predictor.options.arguments.n_layers": {"low": 2, "high": 4}}
    )
    run = config.run_with({name: 16, "predictor.options.arguments.n_layers": 3})
    assert run.predictor.options["arguments"] == {
        "n_modes": [8, 8],
        "hidden_channels": 16,
        "more": {"norm": None},
        "n_layers": 3,
    }
    assert config.searched_values(name) == [32, 16]
    assert RunSettings.model_validate_json(run.model_dump_json()) == run


def test_a_list_cannot_be_searched_by_single_values() -> None:
    with pytest.raises(ValidationError, match=r"is \[8, 8\], and single values alone"):
        _of_fno({"predictor.options.arguments.n_modes": {"choices": [8, 16]}})
    with pytest.raises(ValidationError, match="hidden_channels is 32, which has no x"):
        _of_fno({"predictor.options.arguments.hidden_channels.x": {"choices": [8, 16]}})


def test_a_searched_width_that_no_argument_takes_is_refused() -> None:
    width = {"predictor.width": {"choices": [16, 32]}}
    with pytest.raises(ValidationError, match="width has no effect on the predictor image"):
        _of_fno(width)
    assert _of_fno(width, hidden_channels="{width}").searched("predictor.width")


def test_an_option_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValidationError, match="must hold finite numbers, found inf"):
        _of_fno({}, x=[float("inf")])
