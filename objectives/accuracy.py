"""Cell means that RMSE, correlations and skill scores are computed from.

Units are those of the field, or their square. Cells count where the mask has them, by their shares
of the area where the batch has those; gradients count the same everywhere. Skill is
1 - MSE / MSE of a reference forecast: Murphy 1988, doi
10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2.
"""

import torch

from fieldsharp.fields.valid_cells import cell_index, take_cells
from fieldsharp.objectives.verification_batch import VerificationBatch, of_truth

Tensor = torch.Tensor


def squared_error(case: VerificationBatch) -> Tensor:
    """Return the mean square error over valid cells [B, T]."""
    return case.mean_of_cells((case.forecast.cells_BTCN - case.truth.cells_BTCN) ** 2)


def absolute_error(case: VerificationBatch) -> Tensor:
    """Return the mean absolute error over valid cells [B, T]."""
    return case.mean_of_cells((case.forecast.cells_BTCN - case.truth.cells_BTCN).abs())


def squared_error_persistence(case: VerificationBatch) -> Tensor:
    """Return the mean square error of the last known frame [B, T]: the observed change.

    Raises:
        ValueError: If the case carries no last known frame.
    """
    return case.mean_of_cells((_last_known(case) - case.truth.cells_BTCN) ** 2)


def squared_change(case: VerificationBatch) -> Tensor:
    """Return the mean square of the predicted change from the last known frame [B, T].

    Raises:
        ValueError: If the case carries no last known frame.
    """
    return case.mean_of_cells((case.forecast.cells_BTCN - _last_known(case)) ** 2)


def mean_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean over valid cells [B, T]."""
    return case.mean_of_cells(case.forecast.cells_BTCN)


@of_truth
def mean_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean over valid cells [B, T]."""
    return case.mean_of_cells(case.truth.cells_BTCN)


def square_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean square over valid cells [B, T]."""
    return case.mean_of_cells(case.forecast.cells_BTCN**2)


@of_truth
def square_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean square over valid cells [B, T]."""
    return case.mean_of_cells(case.truth.cells_BTCN**2)


def product(case: VerificationBatch) -> Tensor:
    """Return the mean product of forecast and truth over valid cells [B, T]."""
    return case.mean_of_cells(case.forecast.cells_BTCN * case.truth.cells_BTCN)


def anomaly_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean departure from the climatology [B, T]."""
    return case.mean_of_cells(case.forecast.anomalies_BTCN)


@of_truth
def anomaly_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean departure from the climatology [B, T]."""
    return case.mean_of_cells(case.truth.anomalies_BTCN)


def anomaly_square_predicted(case: VerificationBatch) -> Tensor:
    """Return the forecast's mean square departure from the climatology [B, T]."""
    return case.mean_of_cells(case.forecast.anomalies_BTCN**2)


@of_truth
def anomaly_square_observed(case: VerificationBatch) -> Tensor:
    """Return the observed mean square departure [B, T]: the climatology's square error."""
    return case.mean_of_cells(case.truth.anomalies_BTCN**2)


def anomaly_product(case: VerificationBatch) -> Tensor:
    """Return the mean product of both departures from the climatology [B, T].

    Less the product of the mean departures, over both standard deviations about them, it is the
    anomaly correlation. Murphy and Epstein 1989, doi
    10.1175/1520-0493(1989)117<0572:SSACCI>2.0.CO;2.

    Raises:
        ValueError: If the climatology is not known.
    """
    return case.mean_of_cells(case.forecast.anomalies_BTCN * case.truth.anomalies_BTCN)


def slope_square_predicted(case: VerificationBatch) -> Tensor:
    """Return the mean square of the forecast's Sobel/8 gradient [B, T]; cells count the same."""
    return (case.forecast.steepness**2).mean(dim=(2, 3))


@of_truth
def slope_square_observed(case: VerificationBatch) -> Tensor:
    """Return the mean square of the observed Sobel/8 gradient [B, T]."""
    return (case.truth.steepness**2).mean(dim=(2, 3))


def slope_product(case: VerificationBatch) -> Tensor:
    """Return the mean scalar product of both Sobel/8 gradients [B, T], over interior cells.

    The gradient correlation is mean(g_p . g_t) / sqrt(mean(|g_p|^2) mean(|g_t|^2)), from -1 to 1:
    1 where both fields are flat, 0 where one is. After Penney et al. 1998, doi 10.1109/42.730403,
    who correlate each component by itself and about its mean.
    """
    (px, py), (tx, ty) = case.forecast.slopes, case.truth.slopes
    return (px * tx + py * ty).mean(dim=(2, 3))


def _last_known(case: VerificationBatch) -> Tensor:
    if case.persistence_BTCHW is None:
        raise ValueError("skill against persistence needs the last known frame; none was given")
    return take_cells(case.persistence_BTCHW, cell_index(case.mask_HW).valid_N)
