"""The configurations of a table of the race."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.race.configurations import OF_A_VARIANT, Configuration, configurations
from benchmarks.race.fields import EPOCHS, FIELDS
from fieldsharp.sweep.configuration.ranges import Choices
from fieldsharp.sweep.configuration.settings import SweepConfig


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> SweepConfig:
    humidity = next(field for field in FIELDS if field.name == "humidity")  # which is shipped
    return humidity.config(Path("nowhere"), tmp_path_factory.mktemp("race"))


@pytest.fixture(scope="module")
def found(config: SweepConfig) -> list[Configuration]:
    return configurations(config)


def test_presets_come_first_and_every_variant_as_often(found: list[Configuration]) -> None:
    presets = [one for one in found if one.preset]
    assert found[: len(presets)] == presets
    assert presets[0].preset == "baseline"
    drawn = found[len(presets) :]
    counts = Counter(one.parameters["loss_variant"] for one in drawn)
    assert len(counts) == 10
    assert set(counts.values()) == {OF_A_VARIANT}
    # A table that is half made has as many of each.
    first = [one.parameters["loss_variant"] for one in drawn[:10]]
    assert len(set(first)) == 10


def test_all_lie_within_the_search_and_differ(
    config: SweepConfig, found: list[Configuration]
) -> None:
    for one in found:
        assert set(one.parameters) == set(config.search.space)
        for name, value in one.parameters.items():
            searched = config.search.space[name]
            if isinstance(searched, Choices):
                assert value in searched.choices
            else:
                assert searched.low <= float(value) <= searched.high
        assert one.run.training.epochs == EPOCHS
    assert len({one.run.model_dump_json() for one in found}) == len(found)


def test_drawn_values_are_spread_evenly(found: list[Configuration]) -> None:
    weights = [
        float(one.parameters["gradient_weight"])
        for one in found
        if not one.preset and one.parameters["loss_variant"] == "sorted"
    ]
    decades = Counter(0 if w < 0.1 else 1 if w < 1.0 else 2 for w in weights)
    assert min(decades.values()) >= OF_A_VARIANT // 3 - 2


def test_they_are_the_same_each_time(config: SweepConfig, found: list[Configuration]) -> None:
    assert configurations(config) == found
