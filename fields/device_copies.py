"""Copies between the CPU and a device: to it without waiting, and back all at once."""

from collections.abc import Mapping
from typing import TypeVar

import torch

Tensor = torch.Tensor
Key = TypeVar("Key")


def is_readable(values: Tensor) -> bool:
    """Return whether NumPy can read the values: on the CPU, and of no subclass without values."""
    return values.device.type == "cpu" and type(values) is Tensor


def send(values: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return values from the CPU on a device and in a type, without waiting for the device.

    They go to a CUDA GPU from pinned memory: a copy from other memory waits for all that the GPU
    still has to do. For Apple GPUs, which would read the memory later, the copy is waited for.
    """
    values = values.to(dtype)
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=device.type != "mps")


def fetch(tensors: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    """Return tensors of one type and device on the CPU, in one copy that waits for the device.

    Those that are there already are returned as they are.
    """
    if all(values.device.type == "cpu" for values in tensors.values()):
        return dict(tensors)
    return in_one_copy(tensors)


def in_one_copy(tensors: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    """Return tensors of one type and device on the CPU, joined for the copy."""
    joined = torch.cat([values.flatten() for values in tensors.values()]).cpu()
    parts = torch.split(joined, [values.numel() for values in tensors.values()])
    return {
        key: part.reshape(values.shape)
        for (key, values), part in zip(tensors.items(), parts, strict=True)
    }
