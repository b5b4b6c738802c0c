"""The metrics there are, each as statistics that are averaged and a formula on the averages.

Splitting a metric so (as WeatherBench-X does) lets every metric be taken over all samples and
leads, or per lead, from one pass, and shares a statistic between the metrics that need it.
Adding a metric: its statistics in a file of its family, one line in ``METRICS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from objectives import accuracy, sharpness
from objectives.case import Statistic

Tensor = torch.Tensor


@dataclass(frozen=True)
class Metric:
    """A number that judges a forecast.

    Attributes:
        statistics: Averaged over samples (and leads), then handed to ``formula`` in this order.
        formula: From the averages to the metric, elementwise.
        unit: Of the metric: that of the field, that per cell, or none.
        summary: What it is, for tables and documentation.
        needs_persistence: Whether it needs the last known frame.
    """

    statistics: tuple[Statistic, ...]
    formula: Callable[..., Tensor]
    unit: Literal["field", "field per cell", "1"]
    summary: str
    needs_persistence: bool = False


def _itself(mean: Tensor) -> Tensor:
    return mean


def _difference(a: Tensor, b: Tensor) -> Tensor:
    return a - b


def _skill(error: Tensor, reference: Tensor) -> Tensor:
    # A reference without error cannot be beaten: 0 if equalled, worse than any number if not.
    perfect = torch.where(error == 0, 0.0, -torch.inf)
    return torch.where(reference > 0, 1.0 - error / reference, perfect)


def _correlation(
    mean_p: Tensor, mean_t: Tensor, square_p: Tensor, square_t: Tensor, product: Tensor
) -> Tensor:
    spread = (square_p - mean_p**2).clamp(min=0) * (square_t - mean_t**2).clamp(min=0)
    return torch.where(spread > 0, (product - mean_p * mean_t) / spread.clamp(min=1e-300).sqrt(), 0)


METRICS: Mapping[str, Metric] = {
    "gradient": Metric(
        (sharpness.gradient_predicted,), _itself, "field per cell", "predicted mean gradient"
    ),
    "gradient_observed": Metric(
        (sharpness.gradient_observed,), _itself, "field per cell", "observed mean gradient"
    ),
    "peak": Metric((sharpness.peak_predicted,), _itself, "field", "predicted mean of the maxima"),
    "peak_observed": Metric(
        (sharpness.peak_observed,), _itself, "field", "observed mean of the maxima"
    ),
    "mean_observed": Metric((accuracy.mean_observed,), _itself, "field", "observed mean"),
    "rmse": Metric((accuracy.squared_error,), torch.sqrt, "field", "root mean square error"),
    "mae": Metric((accuracy.absolute_error,), _itself, "field", "mean absolute error"),
    "bias": Metric(
        (accuracy.mean_predicted, accuracy.mean_observed),
        _difference,
        "field",
        "mean of forecast minus truth",
    ),
    "correlation": Metric(
        (
            accuracy.mean_predicted,
            accuracy.mean_observed,
            accuracy.square_predicted,
            accuracy.square_observed,
            accuracy.product,
        ),
        _correlation,
        "1",
        "Pearson correlation over all valid cells of all frames",
    ),
    "rmse_persistence": Metric(
        (accuracy.squared_error_persistence,),
        torch.sqrt,
        "field",
        "root mean square error of the last known frame",
        needs_persistence=True,
    ),
    "skill_persistence": Metric(
        (accuracy.squared_error, accuracy.squared_error_persistence),
        _skill,
        "1",
        "1 - MSE / MSE of persistence",
        needs_persistence=True,
    ),
}
