"""What is said of the length of a training."""

import pytest

from fieldsharp.sweep.checking.length import check_length
from tests.sweep.checking.conftest import MakeContext

FOUND = ("training.length=auto", "training.schedule=schedule_free")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("training.epochs=9",), "; from the weights of the baseline 2 epochs are trained"),
        (FOUND, "; from the weights of the baseline 0.25 of that is trained"),
    ],
)
def test_how_long_a_training_from_the_baseline_is(
    context_of: MakeContext, given: tuple[str, ...], said: str
) -> None:
    fresh = check_length(context_of(*given))
    found = check_length(context_of(*given, "training.start=baseline"))
    assert found.ok
    assert found.detail == fresh.detail + said
