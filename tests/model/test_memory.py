"""Running out of memory, told from other failures."""

import pytest
import torch

from fieldsharp.model.memory import is_out_of_memory, release_memory


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
