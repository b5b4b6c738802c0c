from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

Tensor = torch.Tensor


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small lose by threads, and on a busy machine by a factor of twenty."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Forecast and truth: 3 samples, 2 leads, 2 channels, 11 x 14 cells, double precision."""
    draw = torch.Generator().manual_seed(0)
    pred_BTCHW, target_BTCHW = torch.randn(2, 3, 2, 2, 11, 14, generator=draw, dtype=torch.float64)
    return pred_BTCHW, target_BTCHW


@pytest.fixture
def coast_HW() -> Tensor:
    """A land mask of 11 x 14 cells with sea in one corner and a lake."""
    mask_HW = torch.ones(11, 14, dtype=torch.bool)
    mask_HW[:4, :5] = False
    mask_HW[7, 9] = False
    return mask_HW
