"""All metrics, each as statistics over all samples, most of them averages, and a formula on them.

Splitting a metric so (as WeatherBench-X does) lets every metric be computed over all samples and
leads, or per lead, in one pass, and shares a statistic between the metrics that need it. Formula,
units and source of a metric are in the docstrings of its statistics. Which metrics weigh cells by
their shares of the area, and which have gradients per km, is listed in ``docs/judging.md``.
Adding a metric: its statistics in a file of its family, one line in ``METRICS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from fieldsharp.objectives import (
    accuracy,
    potential_crps,
    sharpness,
    spectral_statistics,
    structure,
)
from fieldsharp.objectives.verification_batch import Gathered, Largest, Statistic

Tensor = torch.Tensor
Need = Literal["persistence", "climatology"]
LARGEST = 1e6
"""Stands for infinity, so that a lead at which nothing happens fails no training."""


@dataclass(frozen=True)
class Metric:
    """A number that says how good a forecast is.

    Attributes:
        statistics: Averaged over samples (and leads), unless they are ``Largest`` or ``Gathered``,
            then handed to ``formula`` in this order.
        formula: From the averages to the metric, elementwise.
        unit: Of the metric: that of the field, that per cell (per km where asked for), cells, dB or
            none.
        summary: Its meaning, for tables and documentation.
        needs: The fields it takes beside forecast and truth.
        detail: Whether it is computed after the last epoch alone, since neither score nor guards
            need it.
    """

    statistics: tuple[Statistic, ...]
    formula: Callable[..., Tensor]
    unit: Literal["field", "field per cell", "cells", "dB", "1"]
    summary: str
    needs: tuple[Need, ...] = ()
    detail: bool = False


def _itself(mean: Tensor) -> Tensor:
    return mean


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    # Of nothing to nothing 1; of something to nothing large, but a number.
    of_nothing = torch.where(a == 0, 1.0, torch.where(a.isnan(), a, LARGEST))
    return torch.where(b != 0, a / torch.where(b != 0, b, 1.0), of_nothing)


def _decibels(a: Tensor, b: Tensor) -> Tensor:
    floor = 1e-12 * (a + b) + 1e-300
    return 10.0 * torch.log10((a + floor) / (b + floor))


def _root_ratio(a: Tensor, b: Tensor) -> Tensor:
    return torch.sqrt(_ratio(a, b))


def _skill(error: Tensor, reference: Tensor) -> Tensor:
    # A reference without error cannot be beaten: 0 if equalled, very bad but a number if not.
    perfect = torch.where(error == 0, 0.0, -LARGEST)
    return torch.where(reference > 0, 1.0 - error / reference, perfect)


def _correlation(
    mean_p: Tensor, mean_t: Tensor, square_p: Tensor, square_t: Tensor, product: Tensor
) -> Tensor:
    spread_p, spread_t = _spread(mean_p, square_p), _spread(mean_t, square_t)
    # Rounding alone could pass 1.
    return _alike(product - mean_p * mean_t, spread_p, spread_t).clamp(min=-1.0, max=1.0)


def _spread(mean: Tensor, square: Tensor) -> Tensor:
    """Return the variance, 0 where the field is constant but for rounding."""
    variance = square - mean**2
    return torch.where(variance < 1e-14 * square, 0.0, variance)


def _alike(product: Tensor, square_p: Tensor, square_t: Tensor) -> Tensor:
    # One root of each, since their product could be too small for a number.
    scale = square_p.sqrt() * square_t.sqrt()
    # Two fields without variation correlate by 1, one without and one with by 0.
    of_nothing = torch.where((square_p == 0) & (square_t == 0), 1.0, 0.0)
    return torch.where(scale == 0, of_nothing, product / torch.where(scale == 0, 1.0, scale))


def _deviation_ratio(mean_p: Tensor, square_p: Tensor, mean_t: Tensor, square_t: Tensor) -> Tensor:
    return _root_ratio((square_p - mean_p**2).clamp(min=0), (square_t - mean_t**2).clamp(min=0))


def _level(number: int) -> Callable[[Tensor, Tensor], Tensor]:
    def threat_score(hits_L: Tensor, either_L: Tensor) -> Tensor:
        hits, either = hits_L[..., number], either_L[..., number]
        return torch.where(either > 0, hits / either.clamp(min=1e-300), 1.0)

    return threat_score


def _last_quantile(quantiles_Q: Tensor) -> Tensor:
    return quantiles_Q[..., -1]


def _quantile_error(predicted_Q: Tensor, observed_Q: Tensor) -> Tensor:
    return (predicted_Q - observed_Q).abs().mean(dim=-1)


def _fractions_skill(error: Tensor, reference: Tensor) -> Tensor:
    # Without an event in either field 1; NaN, as without a whole stencil, stays NaN.
    return torch.where(reference == 0, 1.0, 1.0 - error / reference.clamp(min=1e-300))


def _potential_crps(scores_2: Tensor) -> Tensor:
    return scores_2[..., 0]


def _potential_skill(scores_2: Tensor) -> Tensor:
    return _skill(scores_2[..., 0], scores_2[..., 1])


_ANOMALY_MOMENTS = (
    accuracy.anomaly_predicted,
    accuracy.anomaly_square_predicted,
    accuracy.anomaly_observed,
    accuracy.anomaly_square_observed,
)
_POWERS = (
    spectral_statistics.power_predicted,
    spectral_statistics.power_observed,
    spectral_statistics.wavelengths,
)
_POTENTIAL = Gathered(potential_crps.pairs, potential_crps.potential_scores)

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
    "maximum": Metric(
        (Largest(sharpness.peak_predicted),), _itself, "field", "predicted absolute maximum"
    ),
    "maximum_observed": Metric(
        (Largest(sharpness.peak_observed),), _itself, "field", "observed absolute maximum"
    ),
    "quantile_999": Metric(
        (structure.quantiles_predicted,),
        _last_quantile,
        "field",
        "predicted mean of the frames' 99.9 % quantiles",
        detail=True,
    ),
    "quantile_999_observed": Metric(
        (structure.quantiles_observed,),
        _last_quantile,
        "field",
        "observed mean of the frames' 99.9 % quantiles",
        detail=True,
    ),
    "mean_observed": Metric((accuracy.mean_observed,), _itself, "field", "observed mean"),
    "rmse": Metric((accuracy.squared_error,), torch.sqrt, "field", "root mean square error"),
    "mae": Metric((accuracy.absolute_error,), _itself, "field", "mean absolute error"),
    "bias": Metric(
        (accuracy.mean_predicted, accuracy.mean_observed),
        torch.sub,
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
        needs=("persistence",),
    ),
    "skill_persistence": Metric(
        (accuracy.squared_error, accuracy.squared_error_persistence),
        _skill,
        "1",
        "1 - MSE / MSE of persistence",
        needs=("persistence",),
    ),
    "rmse_climatology": Metric(
        (accuracy.anomaly_square_observed,),
        torch.sqrt,
        "field",
        "root mean square error of each cell's mean",
        needs=("climatology",),
    ),
    "skill_climatology": Metric(
        (accuracy.squared_error, accuracy.anomaly_square_observed),
        _skill,
        "1",
        "1 - MSE / MSE of each cell's mean",
        needs=("climatology",),
    ),
    "change_ratio": Metric(
        (accuracy.squared_change, accuracy.squared_error_persistence),
        _root_ratio,
        "1",
        "predicted over observed change from the last known frame (root mean squares)",
        needs=("persistence",),
    ),
    "anomaly_correlation": Metric(
        (
            accuracy.anomaly_predicted,
            accuracy.anomaly_observed,
            accuracy.anomaly_square_predicted,
            accuracy.anomaly_square_observed,
            accuracy.anomaly_product,
        ),
        _correlation,
        "1",
        "correlation of departures from each cell's mean",
        needs=("climatology",),
    ),
    "gradient_correlation": Metric(
        (accuracy.slope_product, accuracy.slope_square_predicted, accuracy.slope_square_observed),
        _alike,
        "1",
        "correlation of predicted and observed gradient vectors",
    ),
    "std_ratio": Metric(
        _ANOMALY_MOMENTS,
        _deviation_ratio,
        "1",
        "predicted over observed standard deviation about each cell's mean",
        needs=("climatology",),
    ),
    "region_std_ratio": Metric(
        (
            spectral_statistics.regional_mean_predicted,
            spectral_statistics.regional_square_predicted,
            spectral_statistics.regional_mean_observed,
            spectral_statistics.regional_square_observed,
            spectral_statistics.regions_counted,
        ),
        spectral_statistics.largest_deviation_ratio,
        "1",
        "the same in the region (of 3 x 3) where it is largest",
        needs=("climatology",),
    ),
    "forward_sobel": Metric(
        (sharpness.forward_gradient_predicted, sharpness.gradient_predicted),
        _ratio,
        "1",
        "predicted gradient by forward differences over that by Sobel: high for checkerboards",
    ),
    "forward_sobel_observed": Metric(
        (sharpness.forward_gradient_observed, sharpness.gradient_observed),
        _ratio,
        "1",
        "observed gradient by forward differences over that by Sobel",
    ),
    "roughness": Metric(
        (sharpness.curvature_predicted, sharpness.curvature_observed),
        _decibels,
        "dB",
        "predicted over observed mean square of the Laplacian: sees noise, beside a coast too",
    ),
    "peak_isolation": Metric(
        (sharpness.peak_isolation_predicted, sharpness.peak_isolation_observed),
        _ratio,
        "1",
        "predicted over observed height of the maximum above the cells around it: high for spikes",
    ),
    "power_small": Metric(
        _POWERS,
        spectral_statistics.power_ratio_db(longest=4.0),
        "dB",
        "predicted over observed power at wavelengths below 4 cells",
        needs=("climatology",),
    ),
    "power_middle": Metric(
        _POWERS,
        spectral_statistics.power_ratio_db(4.0, 8.0),
        "dB",
        "predicted over observed power at wavelengths of 4 to 8 cells",
        needs=("climatology",),
    ),
    "power_large": Metric(
        _POWERS,
        spectral_statistics.power_ratio_db(shortest=8.0),
        "dB",
        "predicted over observed power at wavelengths from 8 cells on",
        needs=("climatology",),
    ),
    "effective_resolution": Metric(
        (
            spectral_statistics.power_predicted,
            spectral_statistics.power_observed,
            spectral_statistics.cross_power,
            spectral_statistics.wavelengths,
        ),
        spectral_statistics.effective_resolution,
        "cells",
        "shortest wavelength with half the observed power and coherence 0.5",
        needs=("climatology",),
        detail=True,
    ),
    "quantile_error": Metric(
        (structure.quantiles_predicted, structure.quantiles_observed),
        _quantile_error,
        "field",
        "mean difference of predicted and observed quantiles, 1 to 99.9 %",
        detail=True,
    ),
    "fss_90": Metric(
        (structure.fraction_error, structure.fraction_reference),
        _fractions_skill,
        "1",
        "fractions skill score of each frame's highest 10 %, in 5 x 5 cells",
        detail=True,
    ),
    "fss_gradient_90": Metric(
        (structure.gradient_fraction_error, structure.gradient_fraction_reference),
        _fractions_skill,
        "1",
        "fractions skill score of each frame's steepest 10 %, in 5 x 5 cells",
        detail=True,
    ),
    "csi_90": Metric(
        (structure.hits, structure.either),
        _level(0),
        "1",
        "critical success index above the climatology's 90 % quantile",
        needs=("climatology",),
        detail=True,
    ),
    "csi_99": Metric(
        (structure.hits, structure.either),
        _level(1),
        "1",
        "critical success index above the climatology's 99 % quantile",
        needs=("climatology",),
        detail=True,
    ),
    "ssim": Metric(
        (structure.structural_similarity,),
        _itself,
        "1",
        "mean structural similarity",
        needs=("climatology",),
        detail=True,
    ),
    "potential_crps": Metric(
        (_POTENTIAL,),
        _potential_crps,
        "field",
        "mean CRPS of the isotonic distributional regression of the truth on the forecast",
        detail=True,
    ),
    "potential_skill": Metric(
        (_POTENTIAL,),
        _potential_skill,
        "1",
        "1 - potential CRPS / that of a constant forecast",
        detail=True,
    ),
}
