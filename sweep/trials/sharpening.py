"""Fits sharpeners on forecasts that a trained predictor makes of training windows.

Shape legend: B windows, T lead, C channel, H rows, W columns. Physical units, double precision.
"""

import logging
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData, PredictedVariable
from fieldsharp.fields.initial_times import initial_time_keys
from fieldsharp.fields.windows import one_channel
from fieldsharp.model.registry import BEST_SHARPENER, NO_SHARPENER, SHARPENERS
from fieldsharp.model.sharpeners.fitted import FittedSharpener, fit_sharpener
from fieldsharp.model.sharpeners.interface import Region
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import batch_size, in_physical_units
from fieldsharp.sweep.trials.member_forecasts import Forecaster, forecast_members

logger = logging.getLogger(__name__)

SHARE_OF_WINDOWS = 0.15
"""Of the training windows, on which sharpeners are fitted: enough for a gain a ring of wavenumbers,
at little of the cost of a training."""
LEAST_WINDOWS = 16
"""Of few windows more than that share is taken."""
LARGE_VALUES, MOST_VALUES, FEW_WINDOWS = 2**26, 2**22, 4
"""Of data of more values than the first, forecasts of at most the second are taken, but of a few
windows in any case: a fit takes about a hundred bytes a value."""


@dataclass(frozen=True)
class SharpeningPlan:
    """Which sharpeners are tried on a forecast, and when.

    Attributes:
        names: Of the sharpeners.
        rungs: Epochs after which they are tried, beside the last.
        must_fit: Whether one that cannot be fitted is an error; else it is left out.
    """

    names: tuple[str, ...]
    rungs: Collection[int] = ()
    must_fit: bool = False

    @classmethod
    def of(cls, run: RunSettings, rungs: Collection[int] = ()) -> "SharpeningPlan":
        """Return the plan for these settings."""
        name = run.sharpening.name
        if name == BEST_SHARPENER:
            return cls(tuple(SHARPENERS), rungs)
        return cls(() if name == NO_SHARPENER else (name,), rungs, must_fit=True)

    @classmethod
    def for_trial(cls, spec: TrialSpec) -> "SharpeningPlan":
        """Return the plan for a trial; on the baseline every sharpener is tried.

        None where members are judged: a single forecast is then no reference.
        """
        if spec.is_baseline and spec.members is not None:
            return cls(())
        if not spec.is_baseline:
            return cls.of(spec.run, spec.rungs)
        own = cls.of(spec.run).names
        return cls(tuple(dict.fromkeys((*SHARPENERS, *own))), spec.rungs)


@dataclass(frozen=True)
class TrainingForecasts:
    """Forecasts of training windows, and what was observed; physical units."""

    pred_BTCHW: torch.Tensor
    target_BTCHW: torch.Tensor


def training_forecasts(data: ForecastData, predictor: Forecaster, seed: int) -> TrainingForecasts:
    """Return the forecasts that sharpeners are fitted on; a module is put into evaluation mode.

    Of an ensemble one member of each window: a sharpener is fitted once for all members.

    Their windows are spread evenly over the training part, from a start that the seed gives.
    Neither the windows nor the numbers that a predictor draws depend on what was drawn before, so
    that a training that is repeated ends with the same sharpener.
    """
    if isinstance(predictor, nn.Module):
        predictor.eval()
    windows = data.train
    count = fitting_windows(len(windows))
    if windows.frames.shape.numel() > LARGE_VALUES:
        of_a_window = windows.frames.shape[1:].numel() * windows.settings.horizon
        count = min(count, max(FEW_WINDOWS, MOST_VALUES // of_a_window))
    offset = torch.rand(1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    position_B = (torch.arange(count, dtype=torch.float64) + offset) * len(windows) / count
    which_B = position_B.long().to(windows.index_device)
    pred, target = [], []
    is_cuda = windows.starts_B.device.type == "cuda"
    with torch.no_grad(), torch.random.fork_rng([windows.starts_B.device] if is_cuda else []):
        torch.manual_seed(seed)
        parts = torch.split(which_B, batch_size(windows))
        for part, (history_BTCHW, future_BTCHW) in zip(parts, windows.batches(parts), strict=True):
            times_B = partial(initial_time_keys, windows, data.series, part.tolist())
            one_BKTCHW = forecast_members(predictor, history_BTCHW, times_B, seed, members=1)
            pred.append(in_physical_units(data, one_BKTCHW[:, 0]))
            target.append(in_physical_units(data, future_BTCHW))
    return TrainingForecasts(torch.cat(pred), torch.cat(target))


def fitting_windows(count: int) -> int:
    """Return on how many of so many training windows sharpeners are fitted."""
    return min(count, max(LEAST_WINDOWS, math.floor(SHARE_OF_WINDOWS * count)))


def fit_sharpeners(
    plan: SharpeningPlan, data: ForecastData, forecasts: TrainingForecasts
) -> dict[str, FittedSharpener]:
    """Return the sharpeners of a plan, each fitted on every predicted variable by itself.

    One that cannot be fitted on any of them is left out.

    Raises:
        TrainingFailed: If one cannot be fitted that must be.
    """
    regions = [region_of(variable) for variable in data.predicted]
    fitted = {}
    for name in plan.names:
        try:
            first, *others = (
                fit_sharpener(
                    name,
                    region,
                    one_channel(forecasts.pred_BTCHW, k),
                    one_channel(forecasts.target_BTCHW, k),
                )
                for k, region in enumerate(regions)
            )
        except TrainingFailed as error:
            if plan.must_fit:
                raise
            logger.debug("%s", error)
        else:
            fitted[name] = replace(first, others=tuple(others))
    return fitted


def region_of(variable: ForecastData | PredictedVariable) -> Region:
    """Return the mask and climatology that sharpeners of a variable work with.

    Of data with several predicted variables those of the first.
    """
    device = "cpu" if variable.mask_HW.device.type == "mps" else variable.mask_HW.device
    return Region(variable.mask_HW.to(device), variable.climatology.mean_CHW.to(device))
