"""Tensors without values, on which whatever reads a value from a device fails.

Fake ones, and those of torch's device ``meta``: what needs a value, or a shape that depends on
values, fails on both. A copy to the device that waits for it is looked for on ``meta``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode

from fieldsharp.fields.spectrum import shells
from fieldsharp.fields.structure import gaussian_band

Tensor = torch.Tensor
HEIGHT, WIDTH = 17, 22
NEEDS_A_VALUE = (DataDependentOutputException, DynamicOutputShapeException, RuntimeError)
"""What is raised where a value is read, or a shape depends on values: by fake tensors the first
two, on meta the last."""


class WaitingCopy(RuntimeError):
    """A copy from the CPU to a device that waits for what the device has to do."""


class RefuseWaitingCopies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises ``WaitingCopy`` at such a copy to the device ``meta``."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            is_new = func is torch.ops.aten._to_copy.default
            source = args[0] if is_new else args[1]
            target = kwargs.get("device") if is_new else args[0].device
            waits = not kwargs.get("non_blocking", len(args) > 2 and args[2])
            if waits and source.device.type == "cpu" and target == torch.device("meta"):
                raise WaitingCopy(f"{tuple(source.shape)} is copied to the device")
        if func is torch.ops.aten.index.Tensor and args[0].is_meta:
            # Numbers on the CPU, such as those of a list, are copied to the device of the values.
            for numbers in args[1]:
                if numbers is not None and numbers.device.type == "cpu":
                    raise WaitingCopy(f"{tuple(numbers.shape)} numbers are copied to the device")
        return func(*args, **kwargs)


@contextmanager
def fake() -> Iterator[torch.device]:
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield torch.device("cpu")
    finally:  # what they have kept has no values
        shells.cache_clear()
        gaussian_band.cache_clear()


@contextmanager
def meta() -> Iterator[torch.device]:
    yield torch.device("meta")


Tensors = Callable[[], AbstractContextManager[torch.device]]
on_tensors_without_values = pytest.mark.parametrize("tensors", [fake, meta])


def has_no_values(tensor: Tensor) -> bool:
    return tensor.is_meta or isinstance(tensor, FakeTensor)


def coast() -> Tensor:
    mask_HW = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    mask_HW[:4, :5] = False
    mask_HW[9, 12] = False
    return mask_HW
