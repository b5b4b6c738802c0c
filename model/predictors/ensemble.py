"""An ensemble of any predictor: with noise as input it draws several forecasts of one history.

Trained with the almost fair CRPS its members spread as far as the future is uncertain, so each of
them may be as sharp as the truth. One member is scored and exported, never their mean,
which would be the conditional mean again.
"""

from dataclasses import replace

import torch
from torch import nn

from fieldsharp.model.predictors.factory import predictor_class
from fieldsharp.model.predictors.interface import ForecastShape

Tensor = torch.Tensor
NOISE_FRAMES = 1
SEED_OF_THE_MEMBER_SCORED = 20_260_000


class Ensemble(nn.Module):
    """A predictor that sees a frame of white noise before its history."""

    def __init__(
        self,
        shape: ForecastShape,
        width: int = 16,
        member: str = "unet",
        members: int = 4,
        **options: int | float | bool | str,
    ) -> None:
        super().__init__()
        if members < 2 or members != int(members):
            raise ValueError(f"members must be a whole number of at least 2, found {members}")
        if member == "ensemble":
            raise ValueError("member must be another predictor than ensemble itself")
        self.shape = shape
        self.members = int(members)
        cls = predictor_class(member, "predictor.options.member")
        # Before the history: predictors start from its last frame.
        self.predictor: nn.Module = cls(
            replace(shape, history=shape.history + NOISE_FRAMES), width, **options
        )

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return one member [B, horizon, C, H, W]: in evaluation mode always the same."""
        samples = history_BTCHW.shape[0]
        if self.training:
            noise = torch.randn_like(history_BTCHW[:, :NOISE_FRAMES])
        else:
            # The same for every sample, so that a forecast does not depend on its batch.
            draw = torch.Generator().manual_seed(SEED_OF_THE_MEMBER_SCORED)
            noise = torch.randn(1, NOISE_FRAMES, *history_BTCHW.shape[2:], generator=draw)
            noise = noise.to(history_BTCHW).expand(samples, -1, -1, -1, -1)
        forecast: Tensor = self.predictor(torch.cat([noise, history_BTCHW], dim=1))
        return forecast

    def forecast_members(self, history_BTCHW: Tensor) -> Tensor:
        """Return the members [B, K, T, C, H, W], each with noise of its own."""
        repeated = history_BTCHW.repeat_interleave(self.members, dim=0)
        noise = torch.randn_like(repeated[:, :NOISE_FRAMES])
        forecasts: Tensor = self.predictor(torch.cat([noise, repeated], dim=1))
        return forecasts.reshape(-1, self.members, *forecasts.shape[1:])
