"""Blur: a least-squares forecast falls short of the targets, so there is something to fix.

The forecast of each cell is fitted to its neighbourhood of 5 x 5 cells in each history frame, to
each lead, over all cells and training windows. Like any least-squares forecast it blurs what cannot
be predicted, and it takes seconds.
Shape legend: B batch, T frames, C channel, H rows, W columns, F predictors of one cell, N cells,
R rows of the system of equations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.windows import Windows
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.error_limit import rmse_multiples
from fieldsharp.objectives.frontier_statistics import FrontierStatistics
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.checking.context import CheckContext, Finding, finding
from fieldsharp.sweep.study.frontier import targets_out_of_reach
from fieldsharp.sweep.trials.evaluator import Evaluator

Tensor = torch.Tensor
RADIUS = 2
ROWS = 200_000
LEAST_WINDOWS = 20
RIDGE = 1e-8
"""Share of the mean square of the predictors, for those that are copies of one another."""


def check_blur(context: CheckContext) -> Finding:
    """Check that a least-squares forecast falls short of a target."""
    data = context.data
    forecast = fit_linear_forecast(data.train, data.mask_HW, context.config.training.seed)
    evaluator = Evaluator(data, data.validation)
    statistics = FrontierStatistics(evaluator.windows)
    found = evaluator.evaluate_sharpened(
        lambda history_BTCHW: forecast(history_BTCHW.cpu()).to(history_BTCHW.device),
        {},
        detail=False,
        frontier=statistics,
    )[NO_SHARPENER]
    metrics = found.overall
    try:
        targets = resolve_targets(context.config.objective, metrics)
    except ConfigError as error:
        problem, _, _ = str(error).partition("; ")
        return finding(problem, "lower the target or use auto", ok=False)
    mean = metrics["mean_observed"]
    gradient = _ratio(metrics["gradient"], metrics["gradient_observed"])
    peak = _ratio(metrics["peak"] - mean, metrics["peak_observed"] - mean)
    blurred = metrics["gradient"] < targets.gradient.low or metrics["peak"] < targets.peak.low
    unit = f" {data.series.units}" if data.series.units else ""
    numbers = (
        f"a linear forecast has {gradient:.2f} of the observed gradient ({metrics['gradient']:.3g} "
        f"of {metrics['gradient_observed']:.3g}{unit} per cell) and {peak:.2f} of the peak above "
        f"the mean on the validation split"
    )
    detail = numbers if blurred else f"nothing to fix: {numbers}, no less than the targets ask for"
    frontier = statistics.frontier()
    multiples = rmse_multiples(context.config.objective.guards, frontier, found)
    too_costly = targets_out_of_reach(frontier, found, targets, multiples)
    if blurred and too_costly:
        detail += f"; by its amplitudes and errors {too_costly[0]}"
    fix = "no sweep is needed; or look at a longer lead (data.stride, data.horizon)"
    return finding(detail, fix, ok=blurred)


def _ratio(value: float, observed: float) -> float:
    return value / observed if observed else float("nan")


@dataclass(frozen=True)
class LinearForecast:
    """A fitted forecast, called as a predictor is.

    Attributes:
        weights_FK: Coefficient of each predictor for each lead and channel.
    """

    weights_FK: Tensor
    mask_HW: Tensor
    horizon: int

    def __call__(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W]."""
        last_B1CHW = history_BTCHW[:, -1:].double()
        samples, _, channels, height, width = last_B1CHW.shape
        change = last_B1CHW.new_zeros(samples, self.horizon * channels, height, width)
        for row, predictor_BHW in enumerate(_predictors(history_BTCHW, self.mask_HW)):
            change += self.weights_FK[row, :, None, None] * predictor_BHW[:, None]
        forecast = last_B1CHW + change.reshape(samples, self.horizon, channels, height, width)
        return forecast.to(history_BTCHW)


def fit_linear_forecast(windows: Windows, mask_HW: Tensor, seed: int) -> LinearForecast:
    """Fit on training windows by the normal equations, in double precision on the CPU.

    On large data on some of the windows, evenly spread, and some cells, drawn with ``seed``.
    """
    mask_HW = mask_HW.cpu()
    rows_N, columns_N = torch.nonzero(mask_HW, as_tuple=True)
    count = min(len(windows), max(LEAST_WINDOWS, ROWS // len(rows_N)))
    chosen = torch.linspace(0, len(windows) - 1, count).round().long()
    draw = torch.Generator().manual_seed(seed)
    gram_FF = moments_FK = torch.zeros(())
    for which in chosen:
        history_BTCHW, future_BTCHW = (
            frames.cpu() for frames in windows.take(which[None].to(windows.starts_B.device))
        )
        cells = torch.randperm(len(rows_N), generator=draw)[: max(1, ROWS // count)]
        at = rows_N[cells], columns_N[cells]
        x_RF = torch.stack([p[0][at] for p in _predictors(history_BTCHW, mask_HW)], dim=1)
        change_TCHW = (future_BTCHW - history_BTCHW[:, -1:])[0].double()
        y_RK = change_TCHW[:, :, *at].flatten(0, 1).T
        gram_FF = gram_FF + x_RF.T @ x_RF
        moments_FK = moments_FK + x_RF.T @ y_RK
    ridge = RIDGE * float(gram_FF.diagonal().mean()) * torch.eye(len(gram_FF)).double()
    weights_FK: Tensor = torch.linalg.solve(gram_FF + ridge, moments_FK)
    return LinearForecast(weights_FK, mask_HW, windows.settings.horizon)


def _predictors(history_BTCHW: Tensor, mask_HW: Tensor) -> Iterator[Tensor]:
    """Yield the predictors of every cell [B, H, W], in double precision.

    Differences from the cell's own last value, which replaces masked neighbours;
    that value itself; and 1.
    """
    history_BTCHW = history_BTCHW.double()
    height, width = mask_HW.shape
    offsets = range(-RADIUS, RADIUS + 1)
    pad = (RADIUS,) * 4
    known_HW = torch.nn.functional.pad(mask_HW, pad, value=False)
    padded_BTCHW = torch.nn.functional.pad(history_BTCHW, pad)
    frames, channels = history_BTCHW.shape[1:3]
    for channel in range(channels):
        last_BHW = history_BTCHW[:, -1, channel]
        yield last_BHW
        for frame in range(frames):
            for dy in offsets:
                for dx in offsets:
                    if frame == frames - 1 and dy == dx == 0:
                        continue  # the last value itself
                    rows = slice(RADIUS + dy, RADIUS + dy + height)
                    columns = slice(RADIUS + dx, RADIUS + dx + width)
                    difference_BHW = padded_BTCHW[:, frame, channel, rows, columns] - last_BHW
                    yield torch.where(known_HW[rows, columns], difference_BHW, 0.0)
    yield torch.ones_like(history_BTCHW[:, 0, 0])
