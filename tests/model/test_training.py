from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.frames import FramesInMemory
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import Hardware
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.model.losses.forecast_loss import ForecastLoss, LossParts
from fieldsharp.model.predictors.convlstm import ConvLSTM
from fieldsharp.model.predictors.ensemble import Ensemble
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.simvp import SimVP
from fieldsharp.model.predictors.unet import UNet
from fieldsharp.model.settings import LossSettings, TrainingSettings
from fieldsharp.model.training import Interrupted, Trainer
from tests.held_frames import held_frames

Tensor = torch.Tensor
SHAPE = ForecastShape(history=2, horizon=2, channels=1, height=10, width=12)
CPU = Hardware(torch.device("cpu"), torch.float32)
MASK_HW = torch.ones(10, 12, dtype=torch.bool)
MASK_HW[:2, :3] = False
CLIMATOLOGY_CHW = torch.full((1, 10, 12), 0.5)
BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "unet": lambda: UNet(SHAPE, width=8),
    "simvp": lambda: SimVP(SHAPE, width=8, translator_width=16, blocks=1),
    "convlstm": lambda: ConvLSTM(SHAPE, width=8),
    "ensemble": lambda: Ensemble(SHAPE, width=8, members=2, noise="input"),
}


def windows_of(frames: int = 10) -> Windows:
    """Waves that travel a cell a frame: easy to forecast, and not by persistence."""
    x, y = torch.arange(12.0), torch.arange(10.0)
    time = torch.arange(float(frames))
    phase = x[None, None, :] - time[:, None, None] + 0.5 * y[None, :, None]
    frames_NCHW = (0.5 + 0.4 * torch.sin(phase))[:, None]
    settings = DataSettings(path="none.nc", history=2, horizon=2)
    return Windows(FramesInMemory(frames_NCHW), torch.arange(frames - 3), settings)


def trainer_of(
    predictor: nn.Module | None = None,
    windows: Windows | None = None,
    loss: LossSettings | None = None,
    hardware: Hardware = CPU,
    **settings: object,
) -> Trainer:
    training = TrainingSettings.model_validate({"batch_size": 3, "device": "cpu", **settings})
    if predictor is None:
        torch.manual_seed(training.seed)
        predictor = UNet(SHAPE, width=8)
    return Trainer(
        predictor,
        ForecastLoss(loss or LossSettings(), CLIMATOLOGY_CHW),
        windows or windows_of(),
        MASK_HW,
        training,
        hardware,
    )


def weights_after(trainer: Trainer) -> Tensor:
    list(trainer.epochs())
    return nn.utils.parameters_to_vector(trainer.predictor.parameters()).detach()


class Recorder(nn.Module):
    """A constant increment that notes how it was asked for a forecast."""

    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.zeros(()))
        self.modes: list[bool] = []
        self.batches: list[int] = []

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        self.modes.append(self.training)
        self.batches.append(len(history_BTCHW))
        return history_BTCHW[:, -1:].expand(-1, SHAPE.horizon, -1, -1, -1) + self.by


class ForcedRecorder(Recorder):
    """The same, and can be forced."""

    def __init__(self) -> None:
        super().__init__()
        self.forced: list[Tensor] = []

    def forecast_forced(
        self, history_BTCHW: Tensor, future_BTCHW: Tensor, forced_BT: Tensor
    ) -> Tensor:
        assert forced_BT.shape == future_BTCHW.shape[:2]
        self.forced.append(forced_BT)
        return history_BTCHW[:, -1:].expand(-1, SHAPE.horizon, -1, -1, -1) + self.by


# Learning.


@pytest.mark.parametrize("name", BUILDERS)
def test_a_predictor_learns_a_tiny_data_set_better_than_persistence(name: str) -> None:
    torch.manual_seed(0)
    windows = windows_of()
    history, future = windows.take(torch.arange(len(windows)))
    persistence = ForecastLoss(LossSettings(), CLIMATOLOGY_CHW)(
        history[:, -1:].expand_as(future), future, MASK_HW
    ).total_B.mean()

    trainer = trainer_of(BUILDERS[name](), windows, epochs=30, learning_rate=1e-2)
    losses = [losses.total for losses in trainer.epochs()]

    assert len(losses) == 30
    assert losses[-1] < 0.1 * float(persistence)


def test_an_untrained_predictor_begins_at_the_loss_of_persistence() -> None:
    windows = windows_of()
    history, future = windows.take(torch.arange(len(windows)))
    loss = LossSettings(variant="sobel", gradient_weight=2.0, peak_variant="amse", peak_weight=0.5)
    expected = ForecastLoss(loss, CLIMATOLOGY_CHW)(
        history[:, -1:].expand_as(future), future, MASK_HW
    )

    (found,) = trainer_of(loss=loss, epochs=1, learning_rate=0.0).epochs()

    assert found.epoch == 0
    assert found.total == pytest.approx(float(expected.total_B.mean()), rel=1e-5)
    assert found.base == pytest.approx(float(expected.base_B.mean()), rel=1e-5)
    assert found.term == pytest.approx(float(expected.term_B.mean()), rel=1e-5)
    assert found.peak == pytest.approx(float(expected.peak_B.mean()), rel=1e-5)
    assert found.total == pytest.approx(found.base + 2.0 * found.term + 0.5 * found.peak, rel=1e-5)


@pytest.mark.parametrize("weight", ["gradient_weight", "peak_weight"])
def test_each_term_takes_part_in_the_steps(weight: str) -> None:
    def norm_after_training(value: float) -> float:
        loss = LossSettings.model_validate(
            {"variant": "sobel", "peak_variant": "sorted", "multi_step": "all", weight: value}
        )
        trainer = trainer_of(loss=loss, epochs=3)
        return float(weights_after(trainer).norm())

    assert norm_after_training(10.0) != norm_after_training(0.0)


class ProgressLog(ForecastLoss):
    """Notes how far the training was said to be, and the shape of what was judged."""

    def __init__(self, settings: LossSettings) -> None:
        super().__init__(settings, CLIMATOLOGY_CHW)
        self.progress: list[float] = []
        self.dimensions: set[int] = set()

    def __call__(
        self, pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor, progress: float = 1.0
    ) -> LossParts:
        self.progress.append(progress)
        self.dimensions.add(pred_BTCHW.dim())
        return super().__call__(pred_BTCHW, target_BTCHW, mask_HW, progress)


def test_the_loss_is_told_how_far_the_training_is_from_0_to_1() -> None:
    trainer = trainer_of(epochs=2)
    trainer.loss = log = ProgressLog(LossSettings(variant="facl", gradient_weight=1.0))

    list(trainer.epochs())

    assert log.progress == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_training_of_a_single_step_is_at_its_start() -> None:
    trainer = trainer_of(epochs=1, batch_size=100)
    trainer.loss = log = ProgressLog(LossSettings())

    list(trainer.epochs())

    assert log.progress == [0.0]


@pytest.mark.parametrize(("name", "dimensions"), [("unet", 5), ("convlstm", 5), ("ensemble", 6)])
def test_members_are_judged_where_the_predictor_draws_them(name: str, dimensions: int) -> None:
    trainer = trainer_of(BUILDERS[name](), epochs=1, teacher_forcing_fraction=0.0)
    trainer.loss = log = ProgressLog(LossSettings())

    list(trainer.epochs())

    assert log.dimensions == {dimensions}


def test_every_window_is_seen_once_an_epoch() -> None:
    recorder = Recorder()

    trainer = trainer_of(recorder, epochs=2)
    list(trainer.epochs())

    assert recorder.batches == [3, 3, 1, 3, 3, 1]
    assert trainer.steps_an_epoch == 3
    assert trainer.total_steps == 6


@pytest.mark.parametrize("variant", ["sobel", "gdl2", "amse", "facl", "sorted", "ssim"])
def test_masked_cells_do_not_move_the_weights(variant: str) -> None:
    loss = LossSettings(variant=variant, gradient_weight=1.0, multi_step="all")
    clean, dirty = windows_of(), windows_of()
    # Only frames that are forecast and never given, or the network itself would see the change.
    clean, dirty = (replace(w, starts_B=torch.zeros(3).long()) for w in (clean, dirty))
    held_frames(dirty)[2:, :, ~MASK_HW] = float("nan")

    one = weights_after(trainer_of(windows=clean, loss=loss, epochs=2))
    other = weights_after(trainer_of(windows=dirty, loss=loss, epochs=2))

    assert torch.equal(one, other)


# The same seed, the same numbers.


@pytest.mark.parametrize("name", BUILDERS)
def test_the_same_seed_gives_the_same_weights_bit_by_bit(name: str) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(5)
        return weights_after(trainer_of(BUILDERS[name](), epochs=2, seed=seed))

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_seed_shuffles_the_windows() -> None:
    def order(seed: int) -> list[float]:
        seen: list[float] = []
        recorder = Recorder()
        recorder.register_forward_pre_hook(
            lambda _, args: seen.extend(args[0][:, 0, 0, 5, 5].tolist())
        )
        list(trainer_of(recorder, epochs=2, seed=seed).epochs())
        return seen

    assert order(1) == order(1)
    assert order(1) != order(2)
    first, second = order(1)[:7], order(1)[7:]
    assert first != second
    assert sorted(first) == sorted(second)


# Leaving early.


def test_the_generator_can_be_left_after_an_epoch() -> None:
    whole = list(trainer_of(epochs=4).epochs())

    trainer = trainer_of(epochs=4)
    left = list(itertools.islice(trainer.epochs(), 2))

    assert left == whole[:2]
    assert [losses.epoch for losses in whole] == [0, 1, 2, 3]


def test_training_goes_on_only_as_far_as_it_is_asked() -> None:
    recorder = Recorder()
    epochs = trainer_of(recorder, epochs=3).epochs()

    next(epochs)
    steps = len(recorder.batches)
    epochs.close()  # type: ignore[attr-defined]

    assert steps == len(recorder.batches) == 3


def test_an_interruption_stops_between_two_steps() -> None:
    recorder = Recorder()
    asked = itertools.count()
    trainer = trainer_of(recorder, epochs=3)

    seen: list[EpochLosses] = []
    with pytest.raises(Interrupted):
        seen.extend(trainer.epochs(lambda: next(asked) == 4))

    assert len(recorder.batches) == 4
    assert torch.isfinite(recorder.by)


def test_an_interruption_before_the_first_step_trains_nothing() -> None:
    recorder = Recorder()

    with pytest.raises(Interrupted):
        next(trainer_of(recorder).epochs(lambda: True))

    assert recorder.batches == []


# Failing.


@pytest.mark.parametrize("held", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_fails_the_training(held: float) -> None:
    windows = windows_of()
    held_frames(windows)[5, 0, 5, 5] = held

    with pytest.raises(
        TrainingFailed, match=r"in epoch 1: .*lower training\.learning_rate"
    ) as failure:
        list(trainer_of(windows=windows, epochs=3).epochs())

    assert "\n" not in str(failure.value)


def test_far_too_high_a_learning_rate_fails_the_training() -> None:
    trainer = trainer_of(epochs=8, clip_norm=0.0)
    trainer.settings = trainer.settings.model_copy(update={"learning_rate": 1e8})

    with pytest.raises(TrainingFailed, match="the training diverged"):
        list(trainer.epochs())


# Steps.


def gradient_norm(trainer: Trainer) -> float:
    norms = [p.grad.norm() for p in trainer.predictor.parameters() if p.grad is not None]
    return float(torch.stack(norms).norm())


def test_gradients_are_clipped_to_the_norm() -> None:
    free, clipped = trainer_of(epochs=1, clip_norm=0.0), trainer_of(epochs=1, clip_norm=1e-3)
    list(free.epochs())
    list(clipped.epochs())

    assert gradient_norm(free) > 1e-2
    assert gradient_norm(clipped) == pytest.approx(1e-3, rel=1e-3)


def test_gradients_below_the_norm_are_left_as_they_are() -> None:
    free = weights_after(trainer_of(epochs=2, clip_norm=0.0))
    bounded = weights_after(trainer_of(epochs=2, clip_norm=1e6))

    assert torch.equal(free, bounded)


def test_the_rate_follows_the_schedule() -> None:
    trainer = trainer_of(
        epochs=4, learning_rate=0.5, warmup_fraction=0.25, final_rate_fraction=0.1, clip_norm=1e-3
    )
    rates: list[float] = []
    trainer.predictor.register_forward_hook(lambda *_: rates.append(trainer.optimizer.rate))

    list(trainer.epochs())

    assert rates[:4] == pytest.approx([0.125, 0.25, 0.375, 0.5])
    assert max(rates) == 0.5
    assert rates[-1] == pytest.approx(0.05)


def test_weight_decay_shrinks_what_the_loss_does_not_hold() -> None:
    def norm(weight_decay: float) -> float:
        trainer = trainer_of(epochs=2, weight_decay=weight_decay, learning_rate=1e-2)
        return float(weights_after(trainer).norm())

    assert norm(5.0) < norm(0.0)


def test_the_predictor_is_in_training_mode_whatever_is_done_between_epochs() -> None:
    recorder = Recorder()

    for _ in trainer_of(recorder, epochs=3).epochs():
        recorder.eval()

    assert recorder.modes == [True] * 9


# Teacher forcing.


def test_forcing_begins_whole_and_ends_at_the_fraction() -> None:
    recorder = ForcedRecorder()

    list(trainer_of(recorder, epochs=4, teacher_forcing_fraction=0.5).epochs())

    assert len(recorder.forced) == 6  # of 12 steps
    assert recorder.forced[0].all()
    assert not torch.stack([forced.all() for forced in recorder.forced]).all()
    assert len(recorder.batches) == 6


def test_forcing_can_be_turned_off() -> None:
    recorder = ForcedRecorder()

    list(trainer_of(recorder, epochs=1, teacher_forcing_fraction=0.0).epochs())

    assert recorder.forced == []


# Precision and devices.


def test_bfloat16_trains_on_the_cpu_and_keeps_weights_in_full_precision() -> None:
    hardware = Hardware(torch.device("cpu"), torch.bfloat16)
    trainer = trainer_of(hardware=hardware, epochs=8, learning_rate=1e-2)
    assert isinstance(trainer.predictor, UNet)
    seen: set[torch.dtype] = set()
    trainer.predictor.head.register_forward_hook(lambda _m, _args, output: seen.add(output.dtype))

    losses = [losses.total for losses in trainer.epochs()]

    assert seen == {torch.bfloat16}
    assert losses[-1] < losses[0]
    assert {p.dtype for p in trainer.predictor.parameters()} == {torch.float32}


def test_full_precision_casts_nothing() -> None:
    trainer = trainer_of(epochs=1)
    assert isinstance(trainer.predictor, UNet)
    seen: set[torch.dtype] = set()
    trainer.predictor.head.register_forward_hook(lambda _m, _args, output: seen.add(output.dtype))

    list(trainer.epochs())

    assert seen == {torch.float32}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_gpu_sees_the_windows_in_the_same_order_as_the_cpu(precision: torch.dtype) -> None:
    gpu = torch.device("cuda", 0)
    windows = windows_of()
    on_gpu = Windows(
        FramesInMemory(held_frames(windows).to(gpu)), windows.starts_B.to(gpu), windows.settings
    )
    cpu = [losses.total for losses in trainer_of(epochs=2).epochs()]
    torch.manual_seed(0)
    trainer = Trainer(
        UNet(SHAPE, width=8).to(gpu),
        ForecastLoss(LossSettings(), CLIMATOLOGY_CHW.to(gpu)),
        on_gpu,
        MASK_HW.to(gpu),
        TrainingSettings(batch_size=3, epochs=2),
        Hardware(gpu, precision),
    )

    assert [losses.total for losses in trainer.epochs()] == pytest.approx(cpu, rel=0.05)
