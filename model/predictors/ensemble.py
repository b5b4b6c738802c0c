"""An ensemble of any predictor: with noise it draws several forecasts of one history.

Trained with a proper score of its members they spread as far as the future is uncertain, so each of
them may be as sharp as the truth. Members are judged together, or one alone, never their mean,
which would be the conditional mean again.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from fieldsharp.fields.device_copies import send
from fieldsharp.model.predictors.factory import predictor_class
from fieldsharp.model.predictors.field_floor import above_floor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.member_draws import MemberDraws
from fieldsharp.model.predictors.member_noise import Dropout, Generators, InputNoise
from fieldsharp.model.predictors.starting_weights import start_wider

Tensor = torch.Tensor
NOISES = ("input", "dropout")
SEED_OF_A_CALL = 20_260_000
NOISE_AT_FIRST = 0.3
"""Of the weights of the noise that a net goes on with, those of a fresh net times this. At 0 the
members would agree, and a score of members has no slope towards spread where they do."""


class Ensemble(nn.Module):
    """A predictor that differs from member to member.

    Args:
        shape: Of a forecast.
        width: Of the predictor.
        member: The predictor, by name.
        members: Drawn of each sample in training.
        noise: What members differ by: ``dropout`` behind its convolutions, in evaluation too, or
            ``input``, noise in further channels of its history.
        dropout: Share of the channels that is dropped.
        options: Of the predictor.
    """

    def __init__(
        self,
        shape: ForecastShape,
        width: int = 16,
        member: str = "unet",
        members: int = 4,
        noise: str = "dropout",
        dropout: float = 0.2,
        **options: int | float | bool | str,
    ) -> None:
        super().__init__()
        if members < 2 or members != int(members):
            raise ValueError(f"members must be a whole number of at least 2, found {members}")
        if member == "ensemble":
            raise ValueError("member must be another predictor than ensemble itself")
        if noise not in NOISES:
            raise ValueError(f"noise must be {' or '.join(NOISES)}, found {noise}")
        if not 0.0 < dropout < 1.0:
            raise ValueError(f"dropout must be above 0 and below 1, found {dropout}")
        self.shape = shape
        self.members = int(members)
        self._noise = InputNoise(shape.height, shape.width) if noise == "input" else None
        further = self._noise.channels if self._noise is not None else 0
        cls = predictor_class(member, "predictor.options.member")
        self.predictor: nn.Module = cls(
            replace(shape, inputs=shape.inputs + further), width, **options
        )
        self._dropout = (
            Dropout(self.predictor, dropout, shape.height, shape.width)
            if self._noise is None
            else None
        )

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return one member [B, horizon, C, H, W]: in evaluation mode always the same."""
        samples = history_BTCHW.shape[0]
        if self.training:
            return self._forecast(history_BTCHW, None)
        draws = MemberDraws(SEED_OF_A_CALL, (0,), (0,) * samples)
        return self._forecast(history_BTCHW, draws.generators())

    def forecast_members(self, history_BTCHW: Tensor) -> Tensor:
        """Return the members [B, K, T, C, H, W] to train on, drawn from torch's own generator."""
        repeated = history_BTCHW.repeat_interleave(self.members, dim=0)
        return _by_sample(self._forecast(repeated, None), self.members)

    def forecast_drawn(self, history_BTCHW: Tensor, draws: MemberDraws) -> Tensor:
        """Return the members [B, K, T, C, H, W] that were asked for."""
        count = len(draws.members)
        repeated = history_BTCHW.repeat_interleave(count, dim=0)
        return _by_sample(self._forecast(repeated, draws.generators()), count)

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from the weights of the same predictor, trained without noise.

        Those that the noise is multiplied by are small, so that members are near each other at
        first.

        Raises:
            ConfigError: If they are of another predictor.
        """
        further = self._noise.channels if self._noise is not None else 0
        start_wider(self.predictor, weights, self.shape, further, NOISE_AT_FIRST)

    def _forecast(self, history_NTCHW: Tensor, generators: Generators) -> Tensor:
        members = history_NTCHW.shape[0]
        if self._noise is not None:
            noise_NCHW = send(
                self._noise.draw(members, generators), history_NTCHW.device, history_NTCHW.dtype
            )
            frames = history_NTCHW.shape[1]
            # After the channels that are predicted, which predictors start from.
            history_NTCHW = torch.cat(
                [history_NTCHW, noise_NCHW[:, None].expand(-1, frames, -1, -1, -1)], dim=2
            )
        if self._dropout is not None:
            self._dropout.draw_from(members, generators)
        forecast: Tensor = self.predictor(history_NTCHW)
        # Training needs the slope below it.
        return forecast if generators is None else above_floor(forecast, history_NTCHW)


def _by_sample(forecasts: Tensor, members: int) -> Tensor:
    return forecasts.reshape(-1, members, *forecasts.shape[1:])
