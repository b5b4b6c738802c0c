"""Cost of a training step: the product's trainer beside a plain eager loop, and the peak.

Both train the same net on the same windows with a Sobel term on all leads, one thread on a CPU, in
turn with a square matrix product in float32. Ours is ``model.training.Trainer`` as a trial has it,
in the precision the product takes by itself, and once more in float32, which is what the share of
the product's speed is given of. A step is an epoch of a few over their number: what the data path
and the schedule cost is in it, verification is not.

FLOPs are those of the forward pass as ``torch.utils.flop_counter`` counts them, times 3, as in
``benchmarks.step_cost``, which says why.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measurement import Measurement
from benchmarks.plain_training import sobel_loss, train
from data.plume_settings import PlumeSettings
from data.plumes import simulate
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.settings import DataSettings
from fieldsharp.model.device import Hardware, find_hardware
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.registry import NETS
from fieldsharp.model.settings import LossSettings, PredictorSettings, TrainingSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.trials.trial import Trial, forecast_shape

PART = "step"
UK = PROJECT / "data" / "uk_wfde5_hourly_2018_jun_jul.nc"
REPEATS = 7
WIDTH = 16
EPOCHS = 100_000
"""More than are used: the generators of epochs are dropped when all is measured."""
MATMUL_SIDE = {"cpu": 1024, "cuda": 8192}
LOSS = LossSettings(variant="sobel", gradient_weight=1.0, multi_step="all", normalise="none")
AIM = 0.6
AIMED = "unet"


@dataclass(frozen=True)
class Size:
    """A data set and its batch size.

    Attributes:
        name: Batch x history > horizon x rows x columns.
        batch: Windows in a step.
        data: What is read, with few windows: an epoch of a few steps.
    """

    name: str
    batch: int
    data: DataSettings


def measure(*, short: bool = False) -> list[Measurement]:
    """Return the lines of this part.

    Args:
        short: Whether one repeat on small fields is enough.
    """
    lines = []
    with tempfile.TemporaryDirectory() as folder, _one_thread():
        for size in _smallest(Path(folder)) if short else _sizes(Path(folder)):
            for name in NETS:
                if name != "ensemble":  # a net of one of the others
                    lines += _measure(name, size, 1 if short else REPEATS)
    return lines


def _sizes(folder: Path) -> tuple[Size, ...]:
    quickstart = DataSettings(
        path=str(UK), variable="Qair", history=4, horizon=3, stride=2, train_every=32
    )
    return (
        Size("8x4>3x22x28", 8, quickstart),
        Size("4x5>5x64x64", 4, _plumes(folder, size=64, frames=100, horizon=5, every=6)),
    )


def _smallest(folder: Path) -> tuple[Size, ...]:
    return (Size("2x5>1x16x16", 2, _plumes(folder, size=16, frames=60, horizon=1, every=8)),)


def _plumes(folder: Path, *, size: int, frames: int, horizon: int, every: int) -> DataSettings:
    path = folder / f"plumes-{size}.nc"
    simulate(PlumeSettings(frames=frames, size=size)).to_netcdf(path, engine="h5netcdf")
    return DataSettings(path=str(path), history=5, horizon=horizon, train_every=every)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _measure(name: str, size: Size, repeats: int) -> list[Measurement]:
    training = TrainingSettings(epochs=EPOCHS, batch_size=size.batch, learning_rate=1e-4)
    run = RunSettings(
        data=size.data,
        predictor=PredictorSettings(name=name, width=WIDTH),
        loss=LOSS,
        training=training,
    )
    hardware = find_hardware(training)
    data = load_forecast_data(size.data, hardware.device)
    side = MATMUL_SIDE.get(hardware.device.type, 1024)
    left, right = torch.rand(2, side, side, device=hardware.device)
    precision = str(hardware.precision).removeprefix("torch.")
    ours = Trial(run, data, hardware)
    steps = ours.trainer.steps_an_epoch
    tried: dict[str, Callable[[], object]] = {
        "product": lambda: torch.mm(left, right),
        "ours": _epochs(ours),
        "float32": _epochs(Trial(run, data, Hardware(hardware.device, torch.float32))),
        "plain": _plain_epochs(run, data),
    }
    taken = _in_turn(tried, repeats, hardware.device)
    flops = _flops(ours, data, size.batch)
    speed = 2e-9 * side**3
    step = Measurement(
        part=PART,
        what=f"{name} {size.name}",
        ours=f"trainer, {precision}",
        beside="plain eager loop, float32",
        unit="ms",
        ours_values=[1000 * seconds / steps for seconds in taken["ours"]],
        beside_values=[1000 * seconds / steps for seconds in taken["plain"]],
        details={
            "parameters": sum(p.numel() for p in ours.predictor.parameters()),
            "gflop_a_step": flops / steps / 1e9,
            "float32_ms": [1000 * seconds / steps for seconds in taken["float32"]],
        },
    )
    share = Measurement(
        part=PART,
        what=f"{name} {size.name}, share of the peak",
        ours="trainer, float32",
        beside=f"product of {side} x {side}",
        unit="GFLOP/s",
        ours_values=[flops / 1e9 / seconds for seconds in taken["float32"]],
        beside_values=[speed / seconds for seconds in taken["product"]],
        better="more",
        aim=AIM if name == AIMED else None,
    )
    return [step, share]


def _epochs(trial: Trial) -> Callable[[], object]:
    epochs = trial.trainer.epochs()
    return lambda: next(epochs)


def _plain_epochs(run: RunSettings, data: ForecastData) -> Callable[[], object]:
    torch.manual_seed(run.training.seed)
    predictor = build_predictor(run.predictor, forecast_shape(data, run)).to(data.mask_HW.device)
    epochs = train(predictor, sobel_loss(data.mask_HW), data.train, run)
    return lambda: next(epochs)


def _in_turn(
    tried: dict[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, Sequence[float]]:
    for act in tried.values():  # the first runs choose kernels and fill caches
        act()
    taken: dict[str, list[float]] = {name: [] for name in tried}
    for _ in range(repeats):
        for name, act in tried.items():
            _synchronise(device)
            began = time.perf_counter()
            act()
            _synchronise(device)
            taken[name].append(time.perf_counter() - began)
    return dict(taken)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _flops(trial: Trial, data: ForecastData, batch: int) -> float:
    """Return the FLOPs of an epoch."""
    history_BTCHW, _ = next(data.train.in_order(batch))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        trial.predictor(history_BTCHW)
    return 3.0 * int(counter.get_total_flops()) * len(data.train) / len(history_BTCHW)
