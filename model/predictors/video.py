"""Any video net by its import path: frames in, frames out, in either order of axes.

The net is called with [B, T, C, H, W] or [B, C, T, H, W], and what is predicted is the increment on
the last frame. A net that returns a frame for each one it is given, as recurrent and 3D nets do, is
given the last frame once more for each lead: what it returns there has seen the whole history.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import unknown
from fieldsharp.model.predictors.by_path.library_net import Call, Dims, LibraryNet
from fieldsharp.model.predictors.by_path.recipe import recipe
from fieldsharp.model.predictors.by_path.self_test import test_of_itself
from fieldsharp.model.predictors.by_path.settings import require_options
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.layers import Gain

Tensor = torch.Tensor
FRAMES_FIRST, CHANNELS_FIRST = "BTCHW", "BCTHW"
ORDERS = (FRAMES_FIRST, CHANNELS_FIRST)


class Video(nn.Module):
    """A predictor made of a video net.

    Args:
        shape: Of the forecast.
        width: What an argument ``"{width}"`` becomes.
        module: Import path of a class of nets, or of a function that returns one.
        order: Of the axes that the net takes, ``BTCHW`` or ``BCTHW``.
        output_order: Of the axes that it returns; as it takes them by default.
        frames_as: Argument that takes the number of frames to return.
        inputs_as: Argument that takes the channels of a frame; told by its name by default.
        outputs_as: Likewise of the channels that are predicted.
        arguments: Further arguments; a word in braces is a size, such as ``"{frames}"``.
        multiple: Of rows and columns that frames are padded to; found by default.
        output: Where the forecast is in what the net returns, such as ``0`` or ``0.1``.
        call: Further arguments of ``forward``.
        from_persistence: Whether the increment is multiplied by trained factors that begin at 0, so
            that training starts from persistence and not from what random weights make.

    Attributes:
        repeats: Whether the net returns a frame for each that it is given.
    """

    def __init__(
        self,
        shape: ForecastShape,
        width: int = 16,
        *,
        module: str,
        order: str = FRAMES_FIRST,
        output_order: str | None = None,
        frames_as: str | None = None,
        inputs_as: str | None = None,
        outputs_as: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        multiple: int | None = None,
        output: str | int | None = None,
        call: Mapping[str, Any] | None = None,
        from_persistence: bool = True,
    ) -> None:
        super().__init__()
        require_options(module, inputs_as, outputs_as, multiple, call, from_persistence)
        self.shape = shape
        self.gain: nn.Module = (
            Gain(shape.horizon, shape.channels) if from_persistence else nn.Identity()
        )
        self.order, self.output_order = order, order if output_order is None else output_order
        for name, found in (("order", self.order), ("output_order", self.output_order)):
            if found not in ORDERS:
                raise ConfigError(
                    f"predictor.options.{name}: {unknown('order', str(found), ORDERS)}"
                )
        made = recipe(
            *(module, arguments, inputs_as, outputs_as),
            {} if frames_as is None else {frames_as: "horizon"},
        )
        axis = self.output_order.index("T") - 1
        sizes = {
            "inputs": shape.inputs,
            "outputs": shape.channels,
            "history": shape.history,
            "horizon": shape.horizon,
            "frames": shape.history,
            "rows": shape.height,
            "columns": shape.width,
            "width": width,
        }

        def fits(dims: Dims) -> bool:
            return len(dims) == 2 and dims[1 - axis] == shape.channels and dims[axis] > 0

        calls = Call(
            dims=self._dims(shape.history),
            fits=fits,
            wanted=f"{self.output_order} with {shape.channels} channels",
            sizes=sizes,
            grid=(shape.height, shape.width),
            output=None if output is None else str(output),
            arguments=call or {},
        )
        before = torch.get_rng_state()
        net = LibraryNet(made, calls, multiple)
        returned = _frames(net, axis)
        more = self._with_frames(calls, shape.history + 1)
        self.repeats = returned == shape.history and (
            _frames_if_any(made, more, net.multiple, axis) == shape.history + 1
        )
        if not self.repeats and returned < shape.horizon:
            raise ConfigError(
                f"{module} returns {returned} frames for {shape.history}, and {shape.horizon} are "
                "predicted (data.horizon); name the argument that takes their number in "
                'predictor.options.frames_as, or give it as "{horizon}" in '
                "predictor.options.arguments or predictor.options.call"
            )
        if self.repeats:
            calls = self._with_frames(calls, shape.history + shape.horizon)
        torch.set_rng_state(before)
        self.library_net = LibraryNet(made, calls, net.multiple)

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W]."""
        s = self.shape
        given_BTCHW = history_BTCHW
        if self.repeats:
            last = history_BTCHW[:, -1:].expand(-1, s.horizon, -1, -1, -1)
            given_BTCHW = torch.cat([history_BTCHW, last], dim=1)
        if self.order == CHANNELS_FIRST:
            given_BTCHW = given_BTCHW.transpose(1, 2)
        made: Tensor = self.library_net(given_BTCHW.contiguous())
        if self.output_order == CHANNELS_FIRST:
            made = made.transpose(1, 2)
        increment_BTCHW = made[:, -s.horizon :] if self.repeats else made[:, : s.horizon]
        forecast: Tensor = history_BTCHW[:, -1:, : s.channels] + self.gain(increment_BTCHW)
        return forecast

    def test_itself(self) -> None:
        """Check that the net can be trained, saved and called again; see ``SelfTesting``."""
        test_of_itself(self.library_net)

    def _dims(self, frames: int) -> Dims:
        channels = self.shape.inputs
        return (frames, channels) if self.order == FRAMES_FIRST else (channels, frames)

    def _with_frames(self, calls: Call, frames: int) -> Call:
        sizes = {**calls.sizes, "frames": frames}
        return replace(calls, dims=self._dims(frames), sizes=sizes)


def _frames(net: LibraryNet, axis: int) -> int:
    """Return how many frames a net returns."""
    net.eval()
    with torch.no_grad():
        return net.called().shape[1 + axis]


def _frames_if_any(made: Any, calls: Call, multiple: int, axis: int) -> int | None:
    """Return how many frames a net returns for a number of frames; None if it cannot take it."""
    try:
        return _frames(LibraryNet(made, calls, multiple), axis)
    except ConfigError:
        return None
