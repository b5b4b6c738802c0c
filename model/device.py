"""The device of a training: its choice, its fast precision, and its memory running out."""

import gc
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.settings import TrainingSettings

_CPU_MESSAGES = ("can't allocate memory", "not enough memory", "cannot allocate memory")
"""Of allocations that failed on the CPU, for which torch has no class of errors."""


@dataclass(frozen=True)
class Hardware:
    """The device and precision that a training runs on.

    Attributes:
        device: The torch device, with its index for a GPU.
        precision: Data type of matrix products under autocast, or float32 for none.
    """

    device: torch.device
    precision: torch.dtype

    @property
    def autocast(self) -> bool:
        """Whether matrix products run in a shorter type."""
        return self.precision != torch.float32

    def in_precision(self) -> AbstractContextManager[object]:
        """Return a context in which matrix products have the precision."""
        if not self.autocast:  # which torch has not for every device
            return nullcontext()
        return torch.autocast(self.device.type, self.precision)


def find_hardware(settings: TrainingSettings) -> Hardware:
    """Return the device and precision to train with: of several GPUs the first.

    Asking for the precision of a GPU sets CUDA up in this process.

    Args:
        settings: Device and precision, possibly ``auto``.

    Raises:
        ConfigError: If the device asked for does not exist.
    """
    kind = find_device(settings)
    device = torch.device("cuda:0" if kind == "cuda" else kind)
    if settings.precision == "auto":
        return Hardware(device, torch.bfloat16 if _fast_at_bfloat16(device) else torch.float32)
    return Hardware(device, getattr(torch, settings.precision))


def count_gpus(settings: TrainingSettings) -> int:
    """Return how many CUDA GPUs trainings may be spread over, 0 where they run elsewhere.

    Raises:
        ConfigError: If the device asked for does not exist.
    """
    return torch.cuda.device_count() if find_device(settings) == "cuda" else 0


def find_device(settings: TrainingSettings) -> str:
    """Return the kind of device to train on; it exists, and is not set up yet.

    Raises:
        ConfigError: If the device asked for does not exist.
    """
    kind: str = settings.device
    if kind == "auto":
        other = "mps" if torch.backends.mps.is_available() else "cpu"
        return "cuda" if torch.cuda.is_available() else other
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training.device is cuda but torch finds no CUDA GPU; use auto or cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("training.device is mps but torch finds no Apple GPU; use auto or cpu")
    return kind


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory, of CPU or GPU, ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(known in message for known in _CPU_MESSAGES)


def release_memory() -> None:
    """Give back the memory of a training that ended."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _fast_at_bfloat16(device: torch.device) -> bool:
    # Tensor cores have it from Ampere on. CPUs with instructions for it were measured to gain 1.1
    # to 1.5 times (benchmarks/README.md); others would have to emulate it.
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return False
