"""Where trials are paused, and whether they are."""

from typing import Any

import pytest

from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import misleading_rungs, rungs


def _config(search: dict[str, Any] | None = None, **training: Any) -> SweepConfig:
    tree = {"data": {"path": "field.nc"}, "training": training, "search": search or {}}
    return validate(tree, "x")


@pytest.mark.parametrize(
    ("epochs", "found"), [(12, (3, 6)), (40, (10, 20)), (3, (1, 2)), (2, (1,)), (1, ())]
)
def test_by_default_after_a_quarter_and_a_half(epochs: int, found: tuple[int, ...]) -> None:
    config = _config(epochs=epochs)
    assert rungs(config.search, epochs) == found


def test_left_to_us_trials_are_paused_where_early_looks_tell_the_end() -> None:
    assert not _config().promotes
    assert not _config(schedule="cooldown").promotes
    assert _config(schedule="schedule_free").promotes
    assert not _config({"pruner": "none"}, schedule="schedule_free").promotes


def test_where_the_schedule_itself_is_searched_they_are_not() -> None:
    space = {"training.schedule": {"choices": ["cosine", "schedule_free"]}}
    assert not _config({"space": space}, schedule="schedule_free").promotes
    asked = _config({"space": space, "pruner": "promotion"}, schedule="schedule_free")
    assert asked.promotes
    assert "or another" in misleading_rungs(asked)[0]


def test_rungs_that_tell_little_are_warned_of() -> None:
    (said,) = misleading_rungs(_config({"pruner": "promotion"}))
    assert said.endswith("set training.schedule to schedule_free")
    assert misleading_rungs(_config(schedule="schedule_free")) == []
