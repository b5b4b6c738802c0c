"""No training step reads a value back from the device, which would make it wait for all its work.

Steps are taken on tensors without values: fake ones, and those of torch's device ``meta``. Whatever
needs a value, or a shape that depends on values, fails on both. A copy to the device that waits for
it is looked for on ``meta``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import pytest
import torch
from pydantic import JsonValue

from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.valid_cells import index_masks, indexed_on
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import Hardware
from fieldsharp.model.losses.forecast_loss import ForecastLoss
from fieldsharp.model.losses.several_variables import MeanOfVariables
from fieldsharp.model.predictors.ensemble import NOISES
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.registry import BASE_LOSSES, LOSS_VARIANTS, MEMBER_LOSSES, NETS
from fieldsharp.model.schedule import Schedule
from fieldsharp.model.settings import LossSettings, PredictorSettings, TrainingSettings
from fieldsharp.model.training import Trainer
from tests.tensors_without_values import (
    HEIGHT,
    NEEDS_A_VALUE,
    WIDTH,
    RefuseWaitingCopies,
    Tensors,
    WaitingCopy,
    coast,
    fake,
    has_no_values,
    meta,
    on_tensors_without_values,
)

Tensor = torch.Tensor
WINDOWS = 3
LIBRARY_NETS = "tests.model.predictors.nets"
DATA = DataSettings(path="none.nc", history=2, horizon=2)


def net_named(name: str, **options: JsonValue) -> PredictorSettings:
    if name == "simvp" or options.get("member") == "simvp":
        options |= {"translator_width": 16, "blocks": 1}
    return PredictorSettings(name=name, width=8, options=options)


UNET = net_named("unet")


def take_steps(
    tensors: Tensors,
    *,
    loss: LossSettings | None = None,
    net: PredictorSettings | None = None,
    training: Mapping[str, object] | None = None,
    precision: torch.dtype = torch.float32,
    micro_batches: int = 1,
    variables: int = 1,
) -> Tensor:
    """Take the steps of an epoch; return their losses."""
    mask_HW = coast()
    before = mask_HW if variables == 1 else torch.stack([mask_HW, mask_HW.flip(0)])
    index_masks(before)  # before there are tensors without values
    settings = TrainingSettings.model_validate({"batch_size": 2, "epochs": 1, **(training or {})})
    shape = ForecastShape(history=2, horizon=2, channels=variables, height=HEIGHT, width=WIDTH)
    with tensors() as device:
        mask = indexed_on(before, device)
        predictor = build_predictor(net or UNET, shape)
        if device.type == "meta":
            predictor.to(device)
        with device:
            frames = FramesInMemory(torch.rand(WINDOWS + 3, variables, HEIGHT, WIDTH))
            windows = Windows(frames, torch.arange(WINDOWS), DATA)
            of_each = [
                ForecastLoss(loss or LossSettings(), torch.zeros(1, HEIGHT, WIDTH))
                for _ in range(variables)
            ]
        trainer = Trainer(
            predictor,
            of_each[0] if variables == 1 else MeanOfVariables(of_each),
            windows,
            mask,
            settings,
            Hardware(device, precision),
            micro_batches,
        )
        with RefuseWaitingCopies():  # type: ignore[no-untyped-call]
            return trainer.take_steps(0)


def losses_with(**terms: object) -> LossSettings:
    return LossSettings.model_validate({"peak_variant": "balanced", "multi_step": "all", **terms})


def has_all_losses(found: Tensor) -> bool:
    steps = -(-WINDOWS // 2)
    return tuple(found.shape) == (steps, 4) and has_no_values(found)


@on_tensors_without_values
@pytest.mark.parametrize("variant", LOSS_VARIANTS)
def test_no_step_with_a_term_waits(variant: str, tensors: Tensors) -> None:
    loss = losses_with(variant=variant, gradient_weight=1.0)

    assert has_all_losses(take_steps(tensors, loss=loss))


@on_tensors_without_values
@pytest.mark.parametrize("base", BASE_LOSSES)
def test_no_step_with_a_base_loss_waits(base: str, tensors: Tensors) -> None:
    assert has_all_losses(take_steps(tensors, loss=losses_with(base=base)))


@on_tensors_without_values
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("base", MEMBER_LOSSES)
def test_no_step_of_an_ensemble_waits(base: str, noise: str, tensors: Tensors) -> None:
    loss = losses_with(base=base, variant="sorted", gradient_weight=1.0, peak_weight=1.0)
    net = net_named("ensemble", member="unet", members=3, noise=noise)

    assert has_all_losses(take_steps(tensors, loss=loss, net=net))


@on_tensors_without_values
@pytest.mark.parametrize("name", NETS)
def test_no_step_of_a_predictor_waits(name: str, tensors: Tensors) -> None:
    assert has_all_losses(take_steps(tensors, net=net_named(name)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("image", {"module": f"{LIBRARY_NETS}:sequential"}),
        ("video", {"module": f"{LIBRARY_NETS}:conv3d", "order": "BCTHW"}),
    ],
)
def test_no_step_of_a_library_net_waits(name: str, options: dict[str, JsonValue]) -> None:
    # It is tried on values when it is made, so it cannot be made of fake tensors.
    net = net_named(name, from_persistence=False, **options)

    assert has_all_losses(take_steps(meta, net=net))


@on_tensors_without_values
@pytest.mark.parametrize("member", [name for name in NETS if name != "ensemble"])
@pytest.mark.parametrize("noise", NOISES)
def test_no_step_of_an_ensemble_of_any_predictor_waits(
    noise: str, member: str, tensors: Tensors
) -> None:
    net = net_named("ensemble", member=member, members=2, noise=noise)

    assert has_all_losses(take_steps(tensors, loss=losses_with(base="crps"), net=net))


@on_tensors_without_values
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_no_step_of_a_schedule_waits(schedule: str, clip_norm: float, tensors: Tensors) -> None:
    training = {"schedule": schedule, "clip_norm": clip_norm, "weight_decay": 0.01}

    assert has_all_losses(take_steps(tensors, training=training))


@on_tensors_without_values
def test_no_step_waits_for_the_truth_that_a_net_is_fed_on(tensors: Tensors) -> None:
    training = {"teacher_forcing_fraction": 1.0}

    assert has_all_losses(take_steps(tensors, net=net_named("convlstm"), training=training))


@on_tensors_without_values
def test_no_part_of_a_batch_waits(tensors: Tensors) -> None:
    assert has_all_losses(take_steps(tensors, micro_batches=2))


@pytest.mark.parametrize("name", NETS)
def test_no_step_in_bfloat16_waits(name: str) -> None:
    # torch has no autocast for meta.
    found = take_steps(fake, net=net_named(name), precision=torch.bfloat16)

    assert has_all_losses(found)


@on_tensors_without_values
@pytest.mark.parametrize("variant", ["sorted", "extremes", "multiscale", "amse", "ssim"])
def test_no_step_on_several_variables_waits(variant: str, tensors: Tensors) -> None:
    loss = losses_with(variant=variant, gradient_weight=1.0)

    assert has_all_losses(take_steps(tensors, loss=loss, variables=2))


def reading_back(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    scale = (pred_BTCHW - target_BTCHW).abs().mean().item()
    return (pred_BTCHW - target_BTCHW).square().mean(dim=(1, 2, 3, 4)) * scale


def branching(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    if (pred_BTCHW > target_BTCHW).all():
        return pred_BTCHW.mean(dim=(1, 2, 3, 4))
    return target_BTCHW.mean(dim=(1, 2, 3, 4))


def indexing_by_mask(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    return (pred_BTCHW - target_BTCHW)[..., mask_HW].abs().mean(dim=(1, 2, 3))


def sending(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    weight_W = torch.ones(WIDTH, device="cpu").to(pred_BTCHW)
    return ((pred_BTCHW - target_BTCHW) * weight_W).abs().mean(dim=(1, 2, 3, 4))


@on_tensors_without_values
@pytest.mark.parametrize("term", [reading_back, branching, indexing_by_mask])
def test_a_term_that_waits_is_found(term: Callable[..., Tensor], tensors: Tensors) -> None:
    loss = losses_with(variant=f"{__name__}:{term.__name__}", gradient_weight=1.0)

    with pytest.raises(NEEDS_A_VALUE):
        take_steps(tensors, loss=loss)


def test_a_term_that_waits_for_a_copy_is_found() -> None:
    loss = losses_with(variant=f"{__name__}:sending", gradient_weight=1.0)

    with pytest.raises(WaitingCopy):
        take_steps(meta, loss=loss)
