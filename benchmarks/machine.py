"""The machine a benchmark ran on: processor, memory, GPU, versions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "optuna", "numpy", "sqlalchemy", "ray")
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")
"""CPU instructions for bfloat16 products, by torch's names."""
NO_CUDA = "torch found no CUDA device here: nothing was measured on a GPU, and nothing is claimed"


def machine() -> dict[str, Any]:
    """Describe the machine; ``cuda`` is None, with a note, where there is no GPU."""
    capabilities = torch.cpu.get_capabilities()
    found = {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "memory_gb": _memory_gb(),
        "bfloat16_instructions": [name for name in BFLOAT16 if capabilities.get(name)],
        "system": f"{platform.machine()} {platform.system()}",
        "cuda": None,
    }
    if torch.cuda.is_available():
        return found | {"cuda": torch.cuda.get_device_name()}
    return found | {"cuda_note": NO_CUDA}


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the measured packages, None if not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # those available to this process
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
