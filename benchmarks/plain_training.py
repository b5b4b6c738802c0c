"""A training loop as a user would write it: plain eager torch, in an Optuna study.

    python -m benchmarks.plain_training CONFIG DATABASE CONFIGURATIONS [KEY=VALUE ...]

Trains the configurations of a JSON file one after the other and prints for how long. Of ours are
the arrays, the nets, the loss terms and the metrics alone; the loop is what tutorials teach: a
``DataLoader``, AdamW as it comes, float32, all threads torch takes, metrics every epoch.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import optuna
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset

from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.windows import Windows
from fieldsharp.model.losses.forecast_loss import ForecastLoss, term_scales
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.registry import LOSS_VARIANTS
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import forecast_shape

Tensor = torch.Tensor
Loss = Callable[[Tensor, Tensor], Tensor]
"""Loss of forecast and truth."""


class WindowDataset(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of history and future windows."""

    def __init__(self, windows: Windows) -> None:
        every_1N = torch.arange(windows.frames.shape[0], device=windows.device)[None]
        self.frames_NCHW = windows.frames.take(every_1N)[0]
        self.starts = windows.starts_B.tolist()
        self.history = windows.settings.history
        self.stride = windows.settings.stride
        self.frames = self.history + windows.settings.horizon

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return history and future [T, C, H, W]."""
        start = self.starts[index]
        window = self.frames_NCHW[start : start + self.frames * self.stride : self.stride]
        return window[: self.history], window[self.history :]


def train(predictor: nn.Module, loss: Loss, windows: Windows, run: RunSettings) -> Iterator[float]:
    """Train, yielding the mean loss of each epoch."""
    settings = run.training
    loader = DataLoader(WindowDataset(windows), settings.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(
        predictor.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    scheduler = CosineAnnealingLR(optimizer, settings.epochs * len(loader))
    for _ in range(settings.epochs):
        predictor.train()
        total = 0.0
        for history_BTCHW, future_BTCHW in loader:
            optimizer.zero_grad()
            value = loss(predictor(history_BTCHW), future_BTCHW)
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(predictor.parameters(), settings.clip_norm)
            optimizer.step()
            scheduler.step()
            total += value.item()
        yield total / len(loader)


def sobel_loss(mask_HW: Tensor, weight: float = 1.0) -> Loss:
    """Return mean square error plus the mean square difference of Sobel derivatives."""
    x = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    kernels = torch.stack([x, x.T])[:, None].to(mask_HW.device)
    valid = mask_HW.float()
    whole = nn.functional.conv2d(valid[None, None], torch.ones_like(kernels[:1])) == 9

    def gradients(field_BTCHW: Tensor) -> Tensor:
        images = (field_BTCHW * valid).flatten(0, 2)[:, None]
        return nn.functional.conv2d(images, kernels)

    def loss(pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Tensor:
        frames = pred_BTCHW.shape[:3].numel()
        base = (((pred_BTCHW - target_BTCHW) * valid) ** 2).sum() / (valid.sum() * frames)
        differences = gradients(pred_BTCHW) - gradients(target_BTCHW)
        term = ((differences * whole) ** 2).sum() / (whole.sum() * frames)
        return base + weight * term

    return loss


def objective(trial: optuna.Trial, run: RunSettings, data: ForecastData, judge: Evaluator) -> float:
    """Train a configuration and return the sharpness error of its forecast."""
    variant = trial.suggest_categorical("loss_variant", list(LOSS_VARIANTS))
    weight = trial.suggest_float("gradient_weight", 0.01, 10.0, log=True)
    loss_settings = {
        "variant": variant,
        "gradient_weight": 0.0 if variant == "none" else weight,
        "multi_step": trial.suggest_categorical("multi_step", ["last", "all"]),
    }
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    run = run.model_copy(
        update={
            "loss": run.loss.model_copy(update=loss_settings),
            "training": run.training.model_copy(update={"learning_rate": rate}),
        }
    )
    predictor = build_predictor(run.predictor, forecast_shape(data, run))
    predictor.to(data.mask_HW.device)
    climatology_CHW = data.unit_climatology_CHW
    scales = term_scales(run.loss, data.train, data.mask_HW, climatology_CHW)
    forecast_loss = ForecastLoss(run.loss, climatology_CHW, scales)

    def loss(pred_BTCHW: Tensor, target_BTCHW: Tensor) -> Tensor:
        return forecast_loss(pred_BTCHW, target_BTCHW, data.mask_HW).total_B.mean()

    score = math.inf
    for epoch, value in enumerate(train(predictor, loss, data.train, run)):
        if not math.isfinite(value):
            raise optuna.TrialPruned
        is_last = epoch == run.training.epochs - 1
        score = abs(1.0 - judge.evaluate(predictor, detail=is_last).overall["gradient"])
        trial.report(score, epoch)
    return score


def main(arguments: Sequence[str]) -> None:
    """Train all configurations and print the time from the first one on."""
    config_path, database, configurations, *changes = arguments
    config = load_config(Path(config_path), changes).config
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = load_forecast_data(config.data, device)
    judge = Evaluator(data, data.validation)
    asked = json.loads(Path(configurations).read_text(encoding="utf-8"))
    study = optuna.create_study(
        storage=f"sqlite:///{database}", sampler=optuna.samplers.RandomSampler()
    )
    for values in asked:
        study.enqueue_trial(values)
    began = time.perf_counter()
    study.optimize(lambda trial: objective(trial, config.run, data, judge), n_trials=len(asked))
    json.dump({"seconds": time.perf_counter() - began, "trials": len(study.trials)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
