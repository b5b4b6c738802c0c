"""SimVP with gated spatio-temporal attention: the default on a GPU.

A shared encoder for each frame, a translator over all frames stacked as channels (large depthwise
kernels make the attention map), and a decoder with a skip from the first encoder layer.
Gao et al. 2022, arXiv 2206.05099; Tan et al. 2022 (SimVPv2, gSTA), arXiv 2211.12509.
Here upsampling is interpolation and convolution, and the increment on the last frame is predicted.
"""

import torch
from torch import nn
from torch.nn import functional

from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.layers import (
    DilatedConv,
    GroupNorm,
    channels_together,
    crop,
    pad_to_multiple,
    upsampled,
)

Tensor = torch.Tensor
MULTIPLE = 2  # the encoder halves the grid once


class _ConvNormAct(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.norm = GroupNorm(2 if outputs % 2 == 0 else 1, outputs)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        features: Tensor = self.norm(self.conv(images_BCHW))
        return functional.silu(features)


class _GatedAttention(nn.Module):
    """One gSTA block: attention from a 5 x 5 and a dilated 7 x 7 depthwise kernel, then an MLP."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.norm_attention = GroupNorm(1, channels)
        self.lift = nn.Conv2d(channels, channels, 1)
        self.near = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.far = DilatedConv(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.gate = nn.Conv2d(channels, 2 * channels, 1)
        self.merge = nn.Conv2d(channels, channels, 1)
        self.norm_mlp = GroupNorm(1, channels)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, expansion * channels, 1),
            nn.GELU(),
            nn.Conv2d(expansion * channels, channels, 1),
        )
        # Small residual scales let a deep stack start close to the identity.
        self.scale_attention = nn.Parameter(torch.full((channels, 1, 1), 0.1))
        self.scale_mlp = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, features_BCHW: Tensor) -> Tensor:
        lifted = functional.gelu(self.lift(self.norm_attention(features_BCHW)))
        values, gate = self.gate(self.far(self.near(lifted))).chunk(2, dim=1)
        attended = self.merge(values * torch.sigmoid(gate))
        features_BCHW = features_BCHW + self.scale_attention * attended
        mixed: Tensor = self.mlp(self.norm_mlp(features_BCHW))
        return features_BCHW + self.scale_mlp * mixed


class SimVP(nn.Module):
    """Encoder, gSTA translator, decoder."""

    def __init__(
        self,
        shape: ForecastShape,
        width: int = 16,
        translator_width: int = 128,
        blocks: int = 4,
        expansion: int = 4,
    ) -> None:
        super().__init__()
        if blocks < 1 or translator_width < 1 or expansion < 1:
            raise ValueError(
                f"blocks, translator_width and expansion must be at least 1, found {blocks}, "
                f"{translator_width} and {expansion}"
            )
        self.shape = shape
        self.encode_first = _ConvNormAct(shape.inputs, width)
        self.encode_half = _ConvNormAct(width, width, stride=2)
        self.narrow = nn.Conv2d(shape.history * width, translator_width, 1)
        self.translate = nn.Sequential(
            *(_GatedAttention(translator_width, expansion) for _ in range(blocks))
        )
        self.widen = nn.Conv2d(translator_width, shape.horizon * width, 1)
        self.decode_half = _ConvNormAct(width, width)
        self.decode_last = _ConvNormAct(2 * width, width)
        self.head = nn.Conv2d(width, shape.channels, 1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W]."""
        s = self.shape
        batch = history_BTCHW.shape[0]
        frames = channels_together(pad_to_multiple(history_BTCHW.flatten(0, 1), MULTIPLE))
        first = self.encode_first(frames)
        half = _as_channels(self.encode_half(first), batch)
        hidden = _as_frames(self.widen(self.translate(self.narrow(half))), s.horizon)
        hidden = upsampled(self.decode_half(hidden))
        # Every lead gets the sharp features of the last frame that is known.
        last = first.reshape(batch, s.history, *first.shape[1:])[:, -1:]
        skip = last.expand(-1, s.horizon, -1, -1, -1).flatten(0, 1)
        hidden = self.decode_last(torch.cat([hidden, skip], dim=1))
        increment = crop(self.head(hidden), s.height, s.width)
        return history_BTCHW[:, -1:, : s.channels] + increment.reshape(
            batch, s.horizon, s.channels, s.height, s.width
        )


def _as_channels(frames_NCHW: Tensor, batch: int) -> Tensor:
    """Return the frames of each sample stacked as channels."""
    return channels_together(frames_NCHW.reshape(batch, -1, *frames_NCHW.shape[-2:]))


def _as_frames(stacked_BCHW: Tensor, frames: int) -> Tensor:
    """Undo ``_as_channels``."""
    batch, channels, height, width = stacked_BCHW.shape
    frames_NCHW = stacked_BCHW.reshape(batch * frames, channels // frames, height, width)
    return channels_together(frames_NCHW)
