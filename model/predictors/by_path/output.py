"""The forecast in what a net returns: a tensor, or one of several in tuples, mappings and objects.

Shape legend: B batch, H rows, W columns.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from fieldsharp.core.errors import ConfigError

Tensor = torch.Tensor
DEEPEST = 4
SHOWN = 6


def forecast_in(
    output: Any, key: str | None, fits: Callable[[tuple[int, ...]], bool], wanted: str, net: str
) -> Tensor:
    """Return the tensor that is the forecast.

    Args:
        output: What the net returned.
        key: Where the tensor is, as ``tensors_in`` names it; None for the only one that fits.
        fits: Whether a tensor of this shape is as wanted.
        wanted: The shape in words, for the error.
        net: Import path of the net, for the error.

    Raises:
        ConfigError: If there is none, or several.
    """
    if isinstance(output, Tensor):
        found = {"": output}
    else:
        found = dict(tensors_in(output))
        if key is not None and key in found:
            found = {key: found[key]}
        elif key is not None:
            raise ConfigError(
                f"predictor.options.output is {key}, and {net} returns {_shapes(found)}; name one "
                "of these"
            )
    fitting = {name: one for name, one in found.items() if fits(tuple(one.shape))}
    if len(fitting) == 1:
        (tensor,) = fitting.values()
        if not tensor.is_floating_point():
            raise ConfigError(f"{net} returns {tensor.dtype} where real numbers were expected")
        return tensor
    if not fitting:
        raise ConfigError(f"{net} returns {_shapes(found)} where {wanted} was expected")
    raise ConfigError(
        f"{net} returns {_shapes(fitting)}, each of which may be the forecast; name one of them in "
        "predictor.options.output"
    )


def tensors_in(output: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested tuples, mappings and objects, by keys joined by dots."""
    if isinstance(output, Tensor):
        yield path, output
        return
    parts: Any = ()
    if isinstance(output, Mapping):
        parts = output.items()
    elif isinstance(output, list | tuple):
        parts = enumerate(output)
    elif hasattr(output, "__dict__"):
        parts = vars(output).items()
    if depth < DEEPEST:
        for name, part in parts:
            yield from tensors_in(part, f"{path}.{name}" if path else str(name), depth + 1)


def _shapes(found: Mapping[str, Tensor]) -> str:
    if not found:
        return "no tensor"
    shown = [
        f"{name}: {tuple(one.shape)}" if name else f"the shape {tuple(one.shape)}"
        for name, one in list(found.items())[:SHOWN]
    ]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(shown) + more
