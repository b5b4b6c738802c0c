from __future__ import annotations

import pytest
import torch

from fieldsharp.fields.device_copies import fetch, in_one_copy, is_readable, send
from tests.tensors_without_values import fake


def test_tensors_of_any_shape_are_the_same_after_one_copy() -> None:
    draw = torch.Generator().manual_seed(0)
    some = {
        "matrix": torch.rand(3, 4, generator=draw).T,
        "number": torch.rand((), generator=draw),
        "nothing": torch.rand(0, 2, generator=draw),
        "vector": torch.rand(5, generator=draw),
    }

    found = in_one_copy(some)

    assert list(found) == list(some)
    assert all(torch.equal(found[name], values) for name, values in some.items())


def test_what_is_on_the_cpu_is_fetched_as_it_is() -> None:
    values = torch.rand(3)

    assert fetch({"one": values})["one"] is values
    assert fetch({}) == {}


def test_what_is_on_another_device_is_copied() -> None:
    with pytest.raises(NotImplementedError, match="meta"):
        fetch({"one": torch.rand(3, device="meta")})


def test_values_are_sent_in_the_type_that_was_asked_for() -> None:
    sent = send(torch.arange(3), torch.device("meta"), torch.float64)

    assert sent.is_meta
    assert sent.dtype == torch.float64


def test_numpy_reads_plain_tensors_on_the_cpu_alone() -> None:
    assert is_readable(torch.rand(2))
    assert not is_readable(torch.rand(2, device="meta"))
    assert not is_readable(torch.nn.Parameter(torch.rand(2)))
    with fake():
        assert not is_readable(torch.rand(2))
