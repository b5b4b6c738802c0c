"""Any image-to-image net by its import path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.checkpoint import load_weights, save_weights
from fieldsharp.model.predictors.factory import build_predictor, check_predictor
from fieldsharp.model.predictors.image import Image
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.settings import PredictorSettings

NETS = "tests.model.predictors.nets:"
SHAPE = ForecastShape(history=4, horizon=3, channels=1, height=22, width=28)
SHAPES = [SHAPE, ForecastShape(2, 2, 3, 7, 9, 5)]
FNO: dict[str, Any] = {
    "module": "neuralop.models:FNO",
    "arguments": {"n_modes": [4, 4], "hidden_channels": 4},
}


def build(module: str, shape: ForecastShape = SHAPE, name: str = "image", **options: Any) -> Image:
    torch.manual_seed(0)
    path = module if ":" in module else NETS + module
    given = {"module": path, "from_persistence": False, **options}
    settings = PredictorSettings.model_validate({"name": name, "width": 4, "options": given})
    predictor = build_predictor(settings, shape)
    check_predictor(predictor, shape, name)
    assert isinstance(predictor, Image)
    return predictor


def refusal(module: str, **options: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        build(module, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def history_of(shape: ForecastShape, batch: int = 2) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.rand(batch, shape.history, shape.inputs, shape.height, shape.width, generator=draw)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("PublicUNet", {"arguments": {"levels": 3}}),
        ("sequential", {}),
        ("any_argument", {"inputs_as": "ins", "outputs_as": "outs"}),
        ("for_a_size", {"arguments": {"img_size": ["{rows}", "{columns}"]}}),
        ("OfFourier", {}),
        ("torch.nn:Conv2d", {"arguments": {"kernel_size": 3, "padding": 1}}),
        ("torch.nn:LazyConv2d", {"inputs_as": "none", "arguments": {"kernel_size": 1}}),
        (FNO["module"], {"arguments": FNO["arguments"]}),
        ("neuralop.models:TFNO", {"arguments": {**FNO["arguments"], "rank": 0.2}}),
    ],
)
def test_the_forecast_is_the_last_frame_and_what_the_net_makes_of_the_history(
    module: str, options: dict[str, Any], shape: ForecastShape
) -> None:
    predictor = build(module, shape, **options).eval()
    history = history_of(shape)
    before = history.clone()
    with torch.no_grad():
        forecast = predictor(history)
        increment = predictor.library_net(history.flatten(1, 2))
    assert forecast.shape == (2, shape.horizon, shape.channels, shape.height, shape.width)
    last = history[:, -1:, : shape.channels]
    expected = last + increment.reshape(forecast.shape)
    torch.testing.assert_close(forecast, expected)
    assert torch.equal(history, before)


@pytest.mark.parametrize(
    ("name", "options"), [("image", FNO), ("video", {"module": NETS + "conv3d", "order": "BCTHW"})]
)
def test_an_untrained_net_predicts_persistence_and_learns_all_the_same(
    name: str, options: dict[str, Any]
) -> None:
    given = {"name": name, "options": options}
    predictor = build_predictor(PredictorSettings.model_validate(given), SHAPE)
    history = history_of(SHAPE)
    last = history[:, -1:, : SHAPE.channels].expand(-1, SHAPE.horizon, -1, -1, -1)
    assert torch.equal(predictor(history), last)
    optimizer = torch.optim.AdamW(predictor.parameters(), 1e-2)
    truth = last + torch.rand(last.shape, generator=torch.Generator().manual_seed(2))
    before = float((last - truth).square().mean())
    for _ in range(40):
        optimizer.zero_grad()
        loss = (predictor(history) - truth).square().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.5 * before


def test_where_training_starts_is_true_or_false() -> None:
    said = refusal("sequential", from_persistence="yes")
    assert said.endswith("from_persistence must be true or false, found 'yes'")


@pytest.mark.parametrize(("levels", "multiple"), [(1, 2), (2, 4), (3, 8), (5, 32)])
def test_the_smallest_padding_with_which_a_net_works_is_found(levels: int, multiple: int) -> None:
    shape = ForecastShape(2, 1, 1, 21, 27)
    found = build("PublicUNet", shape, arguments={"levels": levels})
    assert found.library_net.multiple == (multiple if levels < 5 else 64)


def test_a_net_that_cannot_normalise_one_cell_of_one_sample_gets_larger_images() -> None:
    assert build("NormalisesOneCell").library_net.multiple == 64
    said = refusal("NormalisesOneCell", multiple=32)
    assert "fails in training mode on the shape (1, 4, 32, 32) (ValueError: Expected more" in said


def test_weights_are_those_that_the_constructor_draws_after_the_seed() -> None:
    torch.manual_seed(0)
    alone = nn.Conv2d(4, 3, 1)
    found = build("torch.nn:Conv2d", arguments={"kernel_size": 1}).library_net.net
    assert isinstance(found, nn.Conv2d)
    assert torch.equal(found.weight, alone.weight)


def test_a_net_of_fourier_transforms_is_computed_in_single_precision() -> None:
    history = history_of(SHAPE)
    for module, exact in (("OfFourier", True), ("sequential", False)):
        predictor = build(module).eval()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            short = predictor(history)
        with torch.no_grad():
            assert torch.equal(short, predictor(history)) is exact


@pytest.mark.parametrize("module", ["OfFourier", FNO["module"]])
def test_complex_weights_are_saved_and_loaded(module: Any, tmp_path: Path) -> None:
    options = {"arguments": FNO["arguments"]} if module == FNO["module"] else {}
    predictor, other = build(module, **options), build(module, **options)
    with torch.no_grad():
        for one in other.parameters():
            one.mul_(2)
    assert all(isinstance(one, torch.Tensor) for one in predictor.state_dict().values())
    save_weights(predictor, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    history = history_of(SHAPE)
    assert torch.equal(predictor.eval()(history), other.eval()(history))


@pytest.mark.parametrize("kind", ["supervised", "mapping", "nested"])
def test_the_only_output_of_the_right_shape_is_the_forecast(kind: str) -> None:
    build("Returns", arguments={"kind": kind})


def test_of_several_outputs_one_must_be_named() -> None:
    arguments = {"kind": "twice"}
    said = refusal("Returns", arguments=arguments)
    assert "returns 0: (1, 3, 22, 28), 1: (1, 3, 22, 28), each of which may be" in said
    history = history_of(SHAPE)
    first, second = (build("Returns", arguments=arguments, output=key) for key in (0, "1"))
    last = history[:, -1:]
    torch.testing.assert_close(second(history) - last, 2 * (first(history) - last))
    assert "predictor.options.output is 5, and" in refusal("Returns", arguments=arguments, output=5)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("half", "returns the shape (1, 3, 11, 14) where 3 channels of 22 x 28 cells"),
        ("integers", "returns torch.int64 where real numbers were expected"),
        ("nothing", "returns no tensor where 3 channels"),
    ],
)
def test_an_output_that_is_no_forecast_is_refused(kind: str, said: str) -> None:
    assert said in refusal("Returns", arguments={"kind": kind})


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("Remembers", "it keeps a state between calls"),
        ("Restless", "draws random numbers in evaluation mode too"),
        ("MixesSamples", "for one sample depends on the others of its batch"),
        ("Detached", "cannot be trained: its output has no gradient"),
        ("NotSaved", "with its saved weights tests.model.predictors.nets:NotSaved gives another"),
        ("Fails", "fails in evaluation mode on the shape (1, 4, 22, 28) (RuntimeError: no such"),
        ("Downloads", "trained weights are never downloaded"),
        ("Pretrained", "(encoder_weights='imagenet'), and a sweep starts from drawn ones"),
        ("sequentil", "names 'sequentil', which module"),
        ("nn", "is module; name a class of nets"),
    ],
)
def test_a_net_that_cannot_be_a_predictor_is_refused(module: str, said: str) -> None:
    assert said in refusal(module)


def test_a_net_without_trained_weights_is_built_where_they_are_turned_off() -> None:
    build("Pretrained", arguments={"encoder_weights": None})


def test_a_net_may_change_its_input_in_place() -> None:
    history = history_of(SHAPE)
    before = history.clone()
    build("ChangesItsInput")(history)
    assert torch.equal(history, before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inputs_as": "chanels"}, "predictor.options.inputs_as: unknown argument 'chanels'"),
        ({"arguments": {"hiden": 3}}, "unknown argument 'hiden': did you mean 'hidden'?"),
        ({"arguments": {"in_channels": 3}}, "takes the number of inputs of the data; leave it out"),
        ({"arguments": {"hidden": "{with}"}}, "unknown size 'with': did you mean 'width'?"),
        ({"arguments": {"hidden": {"width": None}}}, "without quotes, which is a mapping in YAML"),
        ({"arguments": 3}, "predictor.options.arguments must be a mapping"),
        ({"multiple": 0}, "must be a whole number between 1 and 1024, found 0"),
        ({"multipel": 2}, "unknown option 'multipel': did you mean 'multiple'?"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], said: str) -> None:
    assert said in refusal("sequential", **options)


def test_channels_that_cannot_be_told_are_refused_with_what_there_is() -> None:
    said = refusal("any_argument")
    assert "inputs_as is not given, and of the arguments (not known) none" in said
    said = refusal("torch.nn:Linear")
    assert "of the arguments in_features, out_features, bias, device, dtype none" in said


def test_the_width_reaches_the_argument_that_names_it() -> None:
    narrow = build("sequential", arguments={"hidden": "{width}"})
    assert isinstance(narrow.library_net.net[0], nn.Conv2d)  # type: ignore[index]
    assert narrow.library_net.net[0].out_channels == 4  # type: ignore[index]


def test_an_ensemble_can_have_such_members() -> None:
    options = {"member": "image", "members": 2, "noise": "input", "module": NETS + "sequential"}
    settings = PredictorSettings.model_validate({"name": "ensemble", "options": options})
    predictor = build_predictor(settings, SHAPE)
    check_predictor(predictor, SHAPE, "ensemble")
    assert predictor.forecast_members(history_of(SHAPE)).shape == (2, 2, 3, 1, 22, 28)  # type: ignore[operator]
