"""Predictors and loss terms with one fault each, named by import path."""

import torch
from torch import nn

from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.unet import UNet

Tensor = torch.Tensor


class Forgetful(UNet):
    """Keeps a drawn tensor where saved weights do not reach it."""

    def __init__(self, shape: ForecastShape, width: int = 4) -> None:
        super().__init__(shape, width)
        self.pattern = 0.01 * torch.randn(shape.height, shape.width)

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        forecast: Tensor = super().forward(history_BTCHW)
        return forecast + self.pattern


class Restless(UNet):
    """Draws noise in evaluation mode too."""

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        forecast: Tensor = super().forward(history_BTCHW)
        return forecast + 0.001 * torch.randn_like(forecast)


class Frozen(nn.Module):
    """Has weights that its forecast does not depend on."""

    def __init__(self, shape: ForecastShape, width: int = 4) -> None:
        super().__init__()
        self.horizon = shape.horizon
        self.idle = nn.Conv2d(width, width, 3)

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        return history_BTCHW[:, -1:].expand(-1, self.horizon, -1, -1, -1)


def detached_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """A loss term that no gradient passes."""
    error_BTCHW = torch.where(mask_HW, pred_BTCHW - target_BTCHW, 0.0)
    return (error_BTCHW.detach() ** 2).mean(dim=(1, 2, 3, 4))


def uphill_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """A loss term with the gradient of its negative."""
    error_BTCHW = torch.where(mask_HW, pred_BTCHW - target_BTCHW, 0.0)
    value_B = (error_BTCHW**2).mean(dim=(1, 2, 3, 4))
    return 2.0 * value_B.detach() - value_B


def slightly_uphill_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """A loss term that rises when it is trained on alone, and falls beside a base loss of MSE."""
    return 0.5 * uphill_mse(pred_BTCHW, target_BTCHW, mask_HW)


def strongly_uphill_mse(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """A loss term that rises beside a base loss of MSE too."""
    return 3.0 * uphill_mse(pred_BTCHW, target_BTCHW, mask_HW)


def root_of_the_change(pred_BTCHW: Tensor, target_BTCHW: Tensor, mask_HW: Tensor) -> Tensor:
    """A loss term whose gradient is infinite where neighbouring steps are the same."""
    change_BTCHW = torch.where(mask_HW, pred_BTCHW[:, 1:] - pred_BTCHW[:, :-1], 0.0)
    return (change_BTCHW**2).sum(dim=(1, 2, 3, 4)).sqrt() + 1.0
