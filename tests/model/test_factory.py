from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.settings import PredictorSettings

SHAPE = ForecastShape(history=2, horizon=3, channels=1, height=6, width=7)

MINE = '''
import torch
from torch import nn


class Shift(nn.Module):
    """Repeats the last frame, shifted by a learned constant."""

    def __init__(self, shape, width, start=0.0):
        super().__init__()
        self.shape, self.width = shape, width
        self.by = nn.Parameter(torch.tensor(float(start)))

    def forward(self, history):
        return history[:, -1:].repeat(1, self.shape.horizon, 1, 1, 1) + self.by


class Anything(Shift):
    def __init__(self, shape, width, **options):
        super().__init__(shape, width)
        self.options = options


class TooShort(Shift):
    def forward(self, history):
        return history[:, -1:]


class NoTensor(Shift):
    def forward(self, history):
        return [history]


class Fails(Shift):
    def forward(self, history):
        raise RuntimeError("no such luck\\non two lines")


class CannotBeBuilt(nn.Module):
    def __init__(self, shape, width):
        raise KeyError("weights\\nare missing")


class TakesNoShape(nn.Module):
    def __init__(self):
        super().__init__()


class NoModule:
    def __init__(self, shape, width):
        pass


def a_function(shape, width):
    return Shift(shape, width)
'''

WriteModule = Callable[[str, str], None]


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteModule]:
    """Write a module of the user's where Python finds it."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def mine(write_module: WriteModule) -> None:
    write_module("mine_for_tests", MINE)


def build(name: str, **options: object) -> nn.Module:
    settings = PredictorSettings.model_validate({"name": name, "width": 4, "options": options})
    return build_predictor(settings, SHAPE)


def refusal_of_building(name: str, **options: object) -> str:
    with pytest.raises(ConfigError) as refusal:
        build(name, **options)
    return one_sentence(refusal.value)


def one_sentence(error: ConfigError) -> str:
    assert "\n" not in str(error)
    return str(error)


# Options.


@pytest.mark.parametrize(
    ("name", "options", "constraint"),
    [
        ("unet", {"depth": 0}, "depth must be between 1 and 6, found 0"),
        ("unet", {"depth": 7}, "depth must be between 1 and 6, found 7"),
        ("unet", {"depth": "deep"}, "'deep'"),
        ("unet", {"depth": 2.5}, "2.5"),
        ("simvp", {"blocks": 0}, "must be at least 1, found 0, 128 and 4"),
        ("simvp", {"translator_width": -3}, "must be at least 1, found 4, -3 and 4"),
        ("simvp", {"expansion": 0}, "must be at least 1, found 4, 128 and 0"),
        ("convlstm", {"layers": 0}, "layers must be at least 1, found 0"),
        ("convlstm", {"kernel": 4}, "kernel must be odd and at least 1, found 4"),
        ("convlstm", {"kernel": -1}, "kernel must be odd and at least 1, found -1"),
    ],
)
def test_a_bad_option_is_refused_with_its_constraint(
    name: str, options: dict[str, object], constraint: str
) -> None:
    sentence = refusal_of_building(name, **options)

    assert f"predictor {name!r} cannot be built" in sentence
    assert constraint in sentence


@pytest.mark.parametrize(
    ("name", "option", "meant"),
    [("unet", "dept", "depth"), ("simvp", "block", "blocks"), ("convlstm", "kernels", "kernel")],
)
def test_an_unknown_option_names_the_nearest(name: str, option: str, meant: str) -> None:
    sentence = refusal_of_building(name, **{option: 1})

    assert f"predictor.options: unknown option {option!r}: did you mean {meant!r}?" in sentence


def test_the_choices_of_an_unknown_option_leave_out_shape_and_width() -> None:
    assert refusal_of_building("simvp", zzz=1).endswith(
        "choose one of blocks, expansion, translator_width"
    )


def test_the_width_cannot_be_given_twice() -> None:
    assert "width" in refusal_of_building("unet", width=3)


# Classes of the user's own.


@pytest.mark.usefixtures("mine")
def test_a_class_of_the_users_is_built_with_shape_width_and_options() -> None:
    predictor = build("mine_for_tests:Shift", start=2.5)

    assert getattr(predictor, "shape") == SHAPE  # noqa: B009 - no attribute nn.Module knows
    assert getattr(predictor, "width") == 4  # noqa: B009
    check_predictor(predictor, SHAPE, "mine_for_tests:Shift")
    history = torch.zeros(1, 2, 1, 6, 7)
    assert torch.equal(predictor(history), torch.full((1, 3, 1, 6, 7), 2.5))


@pytest.mark.usefixtures("mine")
def test_a_class_that_takes_any_option_gets_any() -> None:
    predictor = build("mine_for_tests:Anything", colour="red")

    assert getattr(predictor, "options") == {"colour": "red"}  # noqa: B009


@pytest.mark.usefixtures("mine")
def test_an_option_the_users_class_does_not_have_names_the_nearest() -> None:
    assert "did you mean 'start'?" in refusal_of_building("mine_for_tests:Shift", strat=1.0)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("name", ["NoModule", "a_function", "torch"])
def test_what_is_no_module_is_refused(name: str) -> None:
    sentence = refusal_of_building(f"mine_for_tests:{name}")

    assert "it must be a subclass of torch.nn.Module" in sentence


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "reason"),
    [("CannotBeBuilt", "weights"), ("TakesNoShape", "takes 1 positional argument")],
)
def test_a_class_that_cannot_be_built_is_refused(name: str, reason: str) -> None:
    sentence = refusal_of_building(f"mine_for_tests:{name}")

    assert "cannot be built with width 4" in sentence
    assert reason in sentence


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TooShort", "returns the shape (1, 1, 1, 6, 7)"),
        ("NoTensor", "fails on a history of shape (1, 2, 1, 6, 7)"),
        ("Fails", "RuntimeError: no such luck on two lines"),
    ],
)
def test_a_class_that_forecasts_wrongly_is_refused(name: str, reason: str) -> None:
    predictor = build(f"mine_for_tests:{name}")

    with pytest.raises(ConfigError) as refusal:
        check_predictor(predictor, SHAPE, name)

    assert reason in one_sentence(refusal.value)
    assert repr(name) in str(refusal.value)


def test_a_module_that_is_not_there_is_refused() -> None:
    sentence = refusal_of_building("nowhere.to_be_found:Net")

    assert "predictor.name names the module 'nowhere.to_be_found'" in sentence
    assert "put its folder on PYTHONPATH" in sentence


@pytest.mark.usefixtures("mine")
def test_a_class_that_is_not_there_is_refused() -> None:
    sentence = refusal_of_building("mine_for_tests:Shfit")

    assert "names 'Shfit', which module 'mine_for_tests' does not have" in sentence


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("import math\nmath.no_such_thing\n", "AttributeError: module 'math' has no attribute"),
        ("from math import no_such_thing\n", "ImportError"),
    ],
)
def test_a_module_that_fails_when_imported_is_refused_with_the_reason(
    write_module: WriteModule, text: str, reason: str
) -> None:
    write_module("broken_for_tests", text)

    sentence = refusal_of_building("broken_for_tests:Net")

    assert "the module 'broken_for_tests', which fails when imported" in sentence
    assert reason in sentence


@pytest.mark.parametrize("name", [":Net", ".relative:Net"])
def test_a_path_without_a_module_is_refused(name: str) -> None:
    assert "predictor.name names the module" in refusal_of_building(name)


def test_the_check_leaves_weights_and_gradients_alone() -> None:
    predictor = build("unet")
    before = {key: value.clone() for key, value in predictor.state_dict().items()}

    check_predictor(predictor, SHAPE, "unet")

    assert all(torch.equal(before[key], value) for key, value in predictor.state_dict().items())
    assert all(parameter.grad is None for parameter in predictor.parameters())


OF_ONE_CHANNEL = '''
import torch
from torch import nn


class OneChannel(nn.Module):
    """Takes a single channel, as predictors did before there were further inputs."""

    def __init__(self, shape, width):
        super().__init__()
        self.shape = shape
        self.net = nn.Conv2d(shape.history, shape.horizon, 1)

    def forward(self, history):
        batch, frames, _, height, width = history.shape
        return self.net(history.reshape(batch, frames, height, width))[:, :, None]
'''


@pytest.mark.parametrize(
    ("channels", "inputs", "called_with"),
    [
        (1, 3, "3 input channels (shape.inputs), the first of which is predicted"),
        (2, 4, "4 input channels (shape.inputs), the first 2 of which are predicted"),
        (3, 3, "3 input channels (shape.inputs), all of which are predicted"),
    ],
)
def test_a_predictor_that_takes_too_few_channels_is_told_how_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, inputs: int, called_with: str
) -> None:
    (tmp_path / "of_one_channel.py").write_text(OF_ONE_CHANNEL, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    shape = ForecastShape(2, 3, channels, 6, 7, inputs)
    name = "of_one_channel:OneChannel"
    predictor = build_predictor(PredictorSettings(name=name), shape)

    with pytest.raises(ConfigError) as refusal:
        check_predictor(predictor, shape, name)

    assert called_with in one_sentence(refusal.value)
    sys.modules.pop("of_one_channel", None)


def test_a_predictor_of_one_channel_is_told_nothing_of_others() -> None:
    with pytest.raises(ConfigError) as refusal:
        check_predictor(nn.Conv3d(1, 1, 1), SHAPE, "conv")

    assert "shape.inputs" not in str(refusal.value)
