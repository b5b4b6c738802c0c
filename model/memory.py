"""Running out of memory, on a CPU or a GPU: told from other failures, and cleaned up after."""

import gc

import torch

_CPU_WORDS = ("can't allocate memory", "not enough memory", "cannot allocate memory")
"""Torch has no class of its own for an allocation on the CPU that failed."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there was too little memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(known in words for known in _CPU_WORDS)


def release_memory() -> None:
    """Give back what a training that ended held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
