"""Any image-to-image net by its import path: [B, C, H, W] to [B, C, H, W].

Frames and channels of the history enter as channels, all frames of the horizon leave at once, and
what is predicted is the increment on the last frame.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from fieldsharp.model.predictors.by_path.library_net import Call, LibraryNet
from fieldsharp.model.predictors.by_path.recipe import recipe
from fieldsharp.model.predictors.by_path.self_test import test_of_itself
from fieldsharp.model.predictors.by_path.settings import require_options
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.layers import Gain

Tensor = torch.Tensor


class Image(nn.Module):
    """A predictor made of an image-to-image net.

    Args:
        shape: Of the forecast.
        width: What an argument ``"{width}"`` becomes.
        module: Import path of a class of nets, or of a function that returns one.
        inputs_as: Argument that takes the number of input channels, history times inputs; told by
            its name by default, ``none`` for a net that takes none.
        outputs_as: Likewise of output channels, horizon times predicted channels.
        arguments: Further arguments; a word in braces is a size, such as ``"{rows}"``.
        multiple: Of rows and columns that images are padded to; found by default.
        output: Where the forecast is in what the net returns, such as ``sample`` or ``0``.
        call: Further arguments of ``forward``.
        from_persistence: Whether the increment is multiplied by trained factors that begin at 0, so
            that training starts from persistence and not from what random weights make.
    """

    def __init__(
        self,
        shape: ForecastShape,
        width: int = 16,
        *,
        module: str,
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
        outputs = shape.horizon * shape.channels
        sizes = {
            "inputs": shape.history * shape.inputs,
            "outputs": outputs,
            "history": shape.history,
            "horizon": shape.horizon,
            "rows": shape.height,
            "columns": shape.width,
            "width": width,
        }
        self.library_net = LibraryNet(
            recipe(module, arguments, inputs_as, outputs_as),
            Call(
                dims=(sizes["inputs"],),
                fits=lambda dims: dims == (outputs,),
                wanted=f"{outputs} channels",
                sizes=sizes,
                grid=(shape.height, shape.width),
                output=None if output is None else str(output),
                arguments=call or {},
            ),
            multiple,
        )

    def forward(self, history_BTCHW: Tensor) -> Tensor:
        """Return the frames that follow [B, horizon, C, H, W]."""
        s = self.shape
        increment_BCHW: Tensor = self.library_net(history_BTCHW.flatten(1, 2))
        increment_BTCHW = increment_BCHW.reshape(-1, s.horizon, s.channels, s.height, s.width)
        forecast: Tensor = history_BTCHW[:, -1:, : s.channels] + self.gain(increment_BTCHW)
        return forecast

    def test_itself(self) -> None:
        """Check that the net can be trained, saved and called again; see ``SelfTesting``."""
        test_of_itself(self.library_net)
