"""How near a forecast is to the truth: cell means that RMSE, bias, correlation and skill need."""

from fields.derivatives import masked_mean
from objectives.case import Case, Tensor


def squared_error(case: Case) -> Tensor:
    """Return the mean square error over valid cells [B, T]."""
    return masked_mean((case.pred_BTCHW - case.target_BTCHW) ** 2, case.mask_HW)


def absolute_error(case: Case) -> Tensor:
    """Return the mean absolute error over valid cells [B, T]."""
    return masked_mean((case.pred_BTCHW - case.target_BTCHW).abs(), case.mask_HW)


def squared_error_persistence(case: Case) -> Tensor:
    """Return the mean square error of the last known frame [B, T].

    Raises:
        ValueError: If the case carries no last known frame.
    """
    if case.persistence_BTCHW is None:
        raise ValueError("skill against persistence needs the last known frame; none was given")
    return masked_mean((case.persistence_BTCHW - case.target_BTCHW) ** 2, case.mask_HW)


def mean_predicted(case: Case) -> Tensor:
    """Return the forecast's mean over valid cells [B, T]."""
    return masked_mean(case.pred_BTCHW, case.mask_HW)


def mean_observed(case: Case) -> Tensor:
    """Return the observed mean over valid cells [B, T]."""
    return masked_mean(case.target_BTCHW, case.mask_HW)


def square_predicted(case: Case) -> Tensor:
    """Return the forecast's mean square over valid cells [B, T]."""
    return masked_mean(case.pred_BTCHW**2, case.mask_HW)


def square_observed(case: Case) -> Tensor:
    """Return the observed mean square over valid cells [B, T]."""
    return masked_mean(case.target_BTCHW**2, case.mask_HW)


def product(case: Case) -> Tensor:
    """Return the mean product of forecast and truth over valid cells [B, T]."""
    return masked_mean(case.pred_BTCHW * case.target_BTCHW, case.mask_HW)
