from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.device import (
    Hardware,
    count_gpus,
    find_hardware,
    is_out_of_memory,
    release_memory,
)
from fieldsharp.model.settings import TrainingSettings

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_gpu_that_is_not_there_is_refused(device: str) -> None:
    settings = TrainingSettings.model_validate({"device": device})

    with pytest.raises(ConfigError, match=f"^training.device is {device} but .* use auto or cpu$"):
        find_hardware(settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
def test_cuda_is_refused_on_this_very_machine() -> None:
    with pytest.raises(ConfigError, match="torch finds no CUDA GPU"):
        find_hardware(TrainingSettings(device="cuda"))


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"architecture": "arm64"}, torch.float32),
    ],
)
def test_auto_without_a_gpu_is_the_cpu_in_bfloat16_where_it_has_instructions_for_it(
    capabilities: dict[str, bool], precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    assert find_hardware(TrainingSettings()) == Hardware(torch.device("cpu"), precision)


def test_the_cpu_is_taken_when_asked_for() -> None:
    assert find_hardware(TrainingSettings(device="cpu")).device == torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "dtype", "autocast"),
    [("float32", torch.float32, False), ("bfloat16", torch.bfloat16, True)],
)
def test_a_precision_asked_for_is_taken(precision: str, dtype: torch.dtype, autocast: bool) -> None:
    settings = TrainingSettings.model_validate({"device": "cpu", "precision": precision})

    hardware = find_hardware(settings)

    assert hardware.precision == dtype
    assert hardware.autocast is autocast


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_of_several_gpus_the_first_is_taken(device: str) -> None:
    settings = TrainingSettings.model_validate({"device": device})

    assert find_hardware(settings).device == torch.device("cuda", 0)


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize(("device", "cards"), [("auto", 3), ("cuda", 3), ("cpu", 0)])
def test_gpus_are_counted_where_they_may_be_used(device: str, cards: int) -> None:
    assert count_gpus(TrainingSettings.model_validate({"device": device})) == cards


@pytest.mark.usefixtures("no_gpu")
def test_no_gpus_are_counted_where_cuda_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)  # the driver has them all the same

    assert count_gpus(TrainingSettings()) == 0
    with pytest.raises(ConfigError, match="finds no CUDA GPU"):
        count_gpus(TrainingSettings(device="cuda"))


@needs_cuda
def test_counting_gpus_sets_nothing_up() -> None:
    code = (
        "import torch; from fieldsharp.model.device import count_gpus; "
        "from fieldsharp.model.settings import TrainingSettings; "
        "assert count_gpus(TrainingSettings()) and not torch.cuda.is_initialized()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
)
def test_auto_takes_bfloat16_from_ampere_on(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)

    assert find_hardware(TrainingSettings()).precision == dtype


@needs_cuda
def test_auto_takes_the_gpu_that_is_there() -> None:
    hardware = find_hardware(TrainingSettings())

    assert hardware.device == torch.device("cuda", 0)
    assert torch.ones(2, device=hardware.device).sum().item() == 2.0


# --- Memory that runs out -------------------------------------------------------------------------


def _error_of_torch(*shape: int) -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(*shape)
    return caught.value


def test_a_tensor_that_no_machine_holds_is_out_of_memory() -> None:
    assert is_out_of_memory(_error_of_torch(2**46))


def test_an_array_that_no_machine_holds_is_out_of_memory() -> None:
    with pytest.raises(MemoryError) as caught:
        bytearray(2**60)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 4398046511104 bytes. Error code 12 (Cannot allocate memory)",
        "[enforce fail at alloc_cpu.cpp:73] . DefaultCPUAllocator: not enough memory: you tried",
    ],
)
def test_the_words_of_torch_on_other_systems_are_known(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))


def test_a_gpu_that_is_full_is_out_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shape mismatch"),
        ValueError("can't allocate memory"),  # a user's own words: no error of an allocation
        RecursionError("maximum recursion depth exceeded"),
        SystemExit("not enough memory"),
    ],
)
def test_other_failures_are_not(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_memory_can_be_released_with_nothing_held() -> None:
    release_memory()
