"""Weights of another training that a predictor goes on from.

Shape legend: B sample, T frame, C channel, H rows, W columns.
"""

import copy
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.interface import ForecastShape, StartingFromNarrower

Tensor = torch.Tensor
STIRRED = 0.05
"""Standard deviation of what is added to weights to see which of them an input reaches: a net may
start with weights that let nothing through."""


def start_from(predictor: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Go on from the weights of a training of the same predictor.

    Raises:
        ConfigError: If they are of another predictor.
    """
    if isinstance(predictor, StartingFromNarrower):
        predictor.start_from(weights)
        return
    _require_same_names(predictor.state_dict(), weights)
    try:
        predictor.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise _other_predictor(" ".join(str(error).split())[:200]) from error


def start_wider(
    predictor: nn.Module,
    weights: Mapping[str, Tensor],
    shape: ForecastShape,
    further: int,
    share: float,
) -> None:
    """Go on from the weights of the same predictor with fewer input channels.

    Args:
        predictor: Built for ``further`` more channels, after the others, of each frame.
        weights: Of the narrower one.
        shape: Of a forecast of the narrower one.
        further: How many channels it has more.
        share: The weights of those channels are a fresh net's times this.

    Raises:
        ConfigError: If the weights are of another predictor.
    """
    own = {name: tensor.clone() for name, tensor in predictor.state_dict().items()}
    _require_same_names(own, weights)
    same = {name: tensor for name, tensor in weights.items() if tensor.shape == own[name].shape}
    predictor.load_state_dict({**own, **same})
    wider = own.keys() - same.keys()
    if not wider:
        return
    unreached = _weights_of_further_inputs(predictor, wider, shape, further)
    for name in wider:
        fresh, known = own[name], weights[name].to(own[name])
        dim = _wider_dimension(name, fresh, known)
        is_further = unreached[name].to(fresh.device)
        if int((~is_further).sum()) != known.shape[dim]:
            raise _other_predictor(f"of {name} not every weight belongs to one input")
        moved = (fresh * share).movedim(dim, 0).contiguous()
        moved[~is_further] = known.movedim(dim, 0)
        own[name] = moved.movedim(0, dim).contiguous()
    predictor.load_state_dict({**own, **same})


def _weights_of_further_inputs(
    predictor: nn.Module, names: set[str], shape: ForecastShape, further: int
) -> dict[str, Tensor]:
    """Return, for each weight by name, which entries of its wider dimension further inputs reach.

    Where those inputs are 0, such weights have no gradient, whatever the net does with its inputs.
    """
    net = copy.deepcopy(predictor).float().cpu().train()
    draw = torch.Generator().manual_seed(0)
    wide = replace(shape, inputs=shape.inputs + further)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(STIRRED * torch.randn(parameter.shape, generator=draw))
    history_BTCHW = torch.randn(
        2, wide.history, wide.inputs, wide.height, wide.width, generator=draw
    )
    history_BTCHW[:, :, shape.inputs :] = 0.0
    with torch.random.fork_rng(devices=[]):
        forecast = net(history_BTCHW)
    (forecast * torch.randn(forecast.shape, generator=draw)).sum().backward()
    parameters = dict(net.named_parameters())
    found = {}
    for name in names:
        gradient = parameters[name].grad if name in parameters else None
        if gradient is None:
            raise _other_predictor(f"{name} has another shape")
        dims = [d for d in range(gradient.dim()) if d != 1]
        found[name] = gradient.abs().sum(dim=dims) == 0
    return found


def _wider_dimension(name: str, fresh: Tensor, known: Tensor) -> int:
    """Return the dimension of input channels, the only one that may be wider."""
    differs = fresh.dim() == known.dim() and [
        d for d in range(fresh.dim()) if fresh.shape[d] != known.shape[d]
    ]
    if differs != [1]:
        raise _other_predictor(
            f"{name} is {tuple(known.shape)} there and {tuple(fresh.shape)} here"
        )
    return 1


def _require_same_names(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    if own.keys() != weights.keys():
        name = sorted(own.keys() ^ weights.keys())[0]
        where = "only here" if name in own else "only there"
        raise _other_predictor(f"{name} is {where}")


def _other_predictor(detail: str) -> ConfigError:
    return ConfigError(
        f"the weights of the baseline are of another predictor than that of this trial ({detail}); "
        "leave training.start at fresh, or give both the same predictor.name, width and options"
    )
