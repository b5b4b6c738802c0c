"""What a state dict holds: tensors alone, since weights are never saved as objects."""

from typing import Any

import torch
from torch import nn


def only_tensors(predictor: nn.Module) -> None:
    """Let the state dict of a module leave out what is no tensor.

    Some libraries put the arguments of their constructor in, classes and functions among them.
    """
    predictor.register_state_dict_post_hook(_leave_out_others)  # type: ignore[no-untyped-call]


def _leave_out_others(_module: nn.Module, state: dict[str, Any], *_where: object) -> None:
    for key in [key for key, value in state.items() if not isinstance(value, torch.Tensor)]:
        del state[key]
