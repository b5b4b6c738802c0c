"""Which device trains, and in which precision it is fast."""

from dataclasses import dataclass

import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.settings import TrainingSettings


@dataclass(frozen=True)
class Hardware:
    """Where a training runs.

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


def find_hardware(settings: TrainingSettings) -> Hardware:
    """Return the device and precision to train with: of several GPUs the first.

    Asking for the precision of a GPU sets CUDA up in this process.

    Args:
        settings: Device and precision, possibly ``auto``.

    Raises:
        ConfigError: If the device asked for is not there.
    """
    kind = find_device(settings)
    device = torch.device("cuda:0" if kind == "cuda" else kind)
    if settings.precision == "auto":
        return Hardware(device, torch.bfloat16 if _fast_at_bfloat16(device) else torch.float32)
    return Hardware(device, getattr(torch, settings.precision))


def count_gpus(settings: TrainingSettings) -> int:
    """Return how many CUDA GPUs trainings may be dealt out to, 0 where they run elsewhere.

    Raises:
        ConfigError: If the device asked for is not there.
    """
    return torch.cuda.device_count() if find_device(settings) == "cuda" else 0


def find_device(settings: TrainingSettings) -> str:
    """Return the kind of device to train on: it is there, and was only looked for.

    Raises:
        ConfigError: If the device asked for is not there.
    """
    kind = _available_kind() if settings.device == "auto" else settings.device
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training.device is cuda but torch finds no CUDA GPU; use auto or cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("training.device is mps but torch finds no Apple GPU; use auto or cpu")
    return kind


def _available_kind() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _fast_at_bfloat16(device: torch.device) -> bool:
    # Tensor cores have it from Ampere on. CPUs with instructions for it were measured to gain 1.1
    # to 1.5 times (benchmarks/README.md); others would have to emulate it.
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return False
