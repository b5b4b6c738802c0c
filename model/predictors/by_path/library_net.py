"""A net of a library on a grid: padded to sizes that it can take, in a precision that it can use.

Shape legend: B batch, H rows, W columns; further axes are those of the net.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.utils._python_dispatch import TorchDispatchMode

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.by_path.arguments import filled, words_in
from fieldsharp.model.predictors.by_path.foreign_code import foreign_code
from fieldsharp.model.predictors.by_path.output import forecast_in
from fieldsharp.model.predictors.by_path.recipe import Recipe, one_line
from fieldsharp.model.predictors.layers import crop, pad_to_multiple
from fieldsharp.model.predictors.saved_state import only_tensors

Tensor = torch.Tensor
Dims = tuple[int, ...]
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
"""Sizes that are tried: nets halve their images some times."""


@dataclass(frozen=True)
class Call:
    """How a net is called, and what it is to return.

    Attributes:
        dims: Of an input between batch and rows, such as the number of channels.
        fits: Whether those of an output are as wanted.
        wanted: These in words, such as ``3 channels``.
        sizes: Of the data, by the words that arguments may hold.
        grid: Rows and columns.
        output: Where the forecast is in what the net returns; None for the only tensor that fits.
        arguments: Further ones of ``forward``.
    """

    dims: Dims
    fits: Callable[[Dims], bool]
    wanted: str
    sizes: Mapping[str, int]
    grid: tuple[int, int]
    output: str | None
    arguments: Mapping[str, Any]

    def images(self, batch: int) -> Tensor:
        """Return images to try a net on: noise, since a net may do nothing to zeros."""
        draw = torch.Generator().manual_seed(0)
        return torch.rand(batch, *self.dims, *self.grid, generator=draw)


class LibraryNet(nn.Module):
    """The net, with padding before it and cropping after it.

    Before the net itself is built its like is called on noise, once in evaluation mode and once in
    training mode, to find the padding, and whether it is a net of Fourier transforms. Random
    numbers are then put back: weights are those that the constructor draws after the seed.

    Args:
        multiple: Of rows and columns that images are padded to; None for the smallest of
            ``MULTIPLES`` with which the net works.

    Raises:
        ConfigError: If it cannot be built, or fails, or returns what was not expected.
    """

    def __init__(self, recipe: Recipe, call: Call, multiple: int | None) -> None:
        super().__init__()
        self.recipe, self.call = recipe, call
        before = torch.get_rng_state()
        self.multiple = multiple or 1
        self.in_float32 = False
        self._find(MULTIPLES if multiple is None else (multiple,), before)
        torch.set_rng_state(before)
        self.net = self._built(self.multiple)
        only_tensors(self)
        if any(isinstance(one, UninitializedParameter) for one in self.net.parameters()):
            self._tried()  # a lazy net has weights after its first call

    def forward(self, images: Tensor) -> Tensor:
        """Return the forecast in what the net returns for [B, ..., H, W], on the same grid."""
        padded = _padded(images, self.multiple)
        padded = padded.clone() if padded is images else padded  # a net may change it in place
        precision: AbstractContextManager[object] = nullcontext()
        if self.in_float32:
            padded = padded.float()
            precision = torch.autocast(images.device.type, enabled=False)
        with precision:
            output = self.net(padded, **filled(self.call.arguments, self._sizes(self.multiple)))
        batch, (height, width) = len(images), padded.shape[-2:]

        def fits(shape: Dims) -> bool:
            end = (height, width)
            return shape[:1] + shape[-2:] == (batch, *end) and self.call.fits(shape[1:-2])

        wanted = f"{self.call.wanted} of {height} x {width} cells for a batch of {batch}"
        tensor = forecast_in(output, self.call.output, fits, wanted, self.recipe.net)
        return crop(tensor, *images.shape[-2:])

    def called(self, batch: int = 1) -> Tensor:
        """Return what the net makes of noise; its mode is left as it is.

        Raises:
            ConfigError: If it fails.
        """
        images = self.call.images(batch)
        try:
            with foreign_code():
                made: Tensor = self(images)
        except ConfigError:
            raise
        except (Exception, SystemExit) as error:  # a net of others may raise anything
            mode = "training" if self.training else "evaluation"
            raise ConfigError(
                f"{self.recipe.net} fails in {mode} mode on the shape "
                f"{tuple(_padded(images, self.multiple).shape)} ({one_line(error)})"
            ) from error
        return made

    def again(self) -> "LibraryNet":
        """Return a net built in the same way, with weights of its own."""
        return LibraryNet(self.recipe, self.call, self.multiple)

    def _find(self, multiples: Sequence[int], seed: Tensor) -> None:
        """Set the padding and the precision; forget the nets that were tried."""
        errors: list[ConfigError] = []
        sizes: set[torch.Size] = set()
        for multiple in multiples:
            size = _padded(torch.zeros(1, 1, *self.call.grid), multiple).shape
            if size in sizes:
                continue
            sizes.add(size)
            torch.set_rng_state(seed)
            self.multiple = multiple
            try:
                self.net = self._built(multiple)
                self._look()
                return
            except ConfigError as error:
                errors.append(error)
                if not hasattr(self, "net") and not self._is_built_for_a_size:
                    break
        first = errors[0]
        fails = len(errors) > 1 and first.__cause__ is not None
        also = f"; it does so with sizes padded to {multiples[-1]} cells too" if fails else ""
        raise ConfigError(f"{first}{also}") from first

    @property
    def _is_built_for_a_size(self) -> bool:
        return bool({"rows", "columns"} & words_in(dict(self.recipe.arguments)))

    def _look(self) -> None:
        with FourierLog() as log, torch.no_grad():
            self.eval()
            self._tried()
            self.train()
            self._tried()
        self.in_float32 = log.seen or any(one.is_complex() for one in self.net.parameters())

    def _tried(self) -> None:
        with torch.no_grad():
            self.called()

    def _built(self, multiple: int) -> nn.Module:
        return self.recipe.build(self._sizes(multiple))

    def _sizes(self, multiple: int) -> dict[str, int]:
        height, width = _padded(torch.zeros(1, 1, *self.call.grid), multiple).shape[-2:]
        return {**self.call.sizes, "rows": height, "columns": width}


class FourierLog(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes whether a Fourier transform is computed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute what was asked for, and look at its name."""
        self.seen = self.seen or "fft" in str(func)
        return func(*args, **(kwargs or {}))


def _padded(images: Tensor, multiple: int) -> Tensor:
    """Return images of any number of axes, padded at the far edges."""
    if images.dim() == 4:
        return pad_to_multiple(images, multiple)
    flat = images.flatten(0, -4)
    padded = pad_to_multiple(flat, multiple)
    return images if padded is flat else padded.reshape(*images.shape[:-3], *padded.shape[-3:])
