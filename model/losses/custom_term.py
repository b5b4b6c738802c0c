"""A check of a user's loss term, made before any training."""

import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.forecast_loss import Term
from fieldsharp.model.registry import load

Tensor = torch.Tensor


def check_own_term(
    name: str,
    setting: str,
    pred_BTCHW: Tensor,
    target_BTCHW: Tensor,
    mask_HW: Tensor,
    climatology_CHW: Tensor,
) -> None:
    """Check that a term and its gradient can be computed for a forecast.

    Args:
        name: The term, as ``package.module:function``.
        setting: The setting that names it, for errors.
        pred_BTCHW: A forecast that is not perfect, in units of the training range.
        target_BTCHW: What was observed.
        mask_HW: Cells that count.
        climatology_CHW: Mean of each cell.

    Raises:
        ConfigError: If it cannot be imported, fails, or cannot be trained on.
    """
    if not callable(load(name, setting)):
        raise ConfigError(
            f"{setting} {name!r} cannot be called; name a function (pred_BTCHW, target_BTCHW, "
            "mask_HW) -> [B]"
        )
    forecast_BTCHW = pred_BTCHW.detach().clone().requires_grad_()
    try:
        value_B = Term(name, climatology_CHW)(forecast_BTCHW, target_BTCHW, mask_HW, 0.5)
        slope_BTCHW = _slope(value_B, forecast_BTCHW)
    except (Exception, SystemExit) as error:  # a function of the user's may raise anything
        raise ConfigError(
            f"{setting} {name!r} fails on forecasts of shape {tuple(pred_BTCHW.shape)} "
            f"({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error
    samples = pred_BTCHW.shape[0]
    if not isinstance(value_B, Tensor) or value_B.shape != (samples,):
        found = tuple(value_B.shape) if isinstance(value_B, Tensor) else type(value_B).__name__
        raise ConfigError(
            f"{setting} {name!r} returns {found} where one value per sample, ({samples},), was "
            "expected; take the mean over all dimensions but the first"
        )
    if not value_B.isfinite().all():
        raise ConfigError(
            f"{setting} {name!r} is {value_B.tolist()} on persistence; return finite values"
        )
    if slope_BTCHW is None:
        raise ConfigError(
            f"{setting} {name!r} does not depend on the forecast in a way that can be trained on; "
            "compute it with torch from pred_BTCHW, without detaching"
        )
    if not slope_BTCHW.isfinite().all():
        raise ConfigError(
            f"{setting} {name!r} has a gradient that is not finite on persistence, as a square "
            "root has at 0; add a small number under it"
        )
    _require_mask(name, setting, pred_BTCHW, target_BTCHW, mask_HW, climatology_CHW)


def _require_mask(
    name: str,
    setting: str,
    pred_BTCHW: Tensor,
    target_BTCHW: Tensor,
    mask_HW: Tensor,
    climatology_CHW: Tensor,
) -> None:
    """Check that masked cells, whose values are arbitrary, do not change a term.

    Raises:
        ConfigError: If they do.
    """
    if bool(mask_HW.all()):
        return
    term = Term(name, climatology_CHW)
    with torch.no_grad():
        value_B = term(pred_BTCHW, target_BTCHW, mask_HW, 0.5)
        other_BTCHW = torch.where(mask_HW, target_BTCHW, target_BTCHW + 1.0)
        changed_B = term(pred_BTCHW, other_BTCHW, mask_HW, 0.5)
    if not torch.allclose(value_B, changed_B, rtol=1e-4, atol=1e-7):
        raise ConfigError(
            f"{setting} {name!r} changes with the values of masked cells, which are no data; take "
            "only those where mask_HW is true, as by torch.where(mask_HW, error_BTCHW, 0.0)"
        )


def _slope(value_B: object, forecast_BTCHW: Tensor) -> Tensor | None:
    """Return the gradient of a term on the forecast, None where it has none."""
    if not isinstance(value_B, Tensor) or not value_B.requires_grad:
        return None
    return torch.autograd.grad(value_B.sum(), forecast_BTCHW, allow_unused=True)[0]
