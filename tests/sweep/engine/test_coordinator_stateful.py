"""Whatever goes wrong, in whatever order: no trial is lost or counted twice, and the sweep ends.

Hypothesis plays chance in the world of ``faulty_world``.
"""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.lookup import open_or_create_study
from tests.sweep.engine.simulated_faults import World
from tests.sweep.fake_sweep import TARGETS

PRUNERS = ("none", "median", "hyperband")


class Studies:
    """New studies, each in a database of its own: a copy, as making tables takes long."""

    def __init__(self, folder: Path, config: SweepConfig, facts: DataSummary) -> None:
        self._folder = folder
        self._config = config
        self._facts = facts.model_copy(
            update={
                "gradient": BandSummary.of(TARGETS.gradient),
                "peak": BandSummary.of(TARGETS.peak),
            }
        )
        self._made = 0

    def _config_with(self, pruner: str, workers: int) -> SweepConfig:
        tree = self._config.model_dump()
        tree["search"] |= {
            "presets": "baseline",
            "sampler": "random",
            "pruner": pruner,
            "pruner_startup_trials": 0,
            "pruner_warmup_epochs": 0 if pruner == "median" else 1,
        }
        tree["budget"] |= {"trials": 3, "stop_on_nothing_to_fix": False}
        tree["training"]["epochs"] = 3
        tree["workers"]["count"] = workers
        tree["recovery"] |= {
            "attempts": 2,
            "progress_deadline": "60s",
            "patience": "30s",
            "free_space_mb": 0,
        }
        return SweepConfig.model_validate(tree)

    def world(self, pruner: str, workers: int, data: st.DataObject, troubles: int) -> World:
        config = self._config_with(pruner, workers)
        template = self._folder / f"{pruner}-{workers}.db"
        if not template.exists():
            url = f"sqlite:///{template}"
            study = open_or_create_study(
                open_database(url, "write", sole_writer=True), config, self._facts
            )
            del study
        self._made += 1
        path = self._folder / f"{self._made}.db"
        for suffix in ("", "-wal", "-shm"):
            if (source := template.with_name(template.name + suffix)).exists():
                shutil.copy(source, path.with_name(path.name + suffix))
        url = f"sqlite:///{path}"
        return World(
            open_database(url, "write"),
            config,
            self._facts,
            url,
            lambda these: data.draw(st.sampled_from(these)),
            troubles,
        )


@pytest.fixture(scope="module")
def studies(
    tmp_path_factory: pytest.TempPathFactory, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> Studies:
    return Studies(tmp_path_factory.mktemp("worlds"), tiny_config, tiny_facts)


def _live_through_it(studies: Studies, data: st.DataObject) -> None:
    pruner = data.draw(st.sampled_from(PRUNERS), label="pruner")
    workers = data.draw(st.integers(1, 3), label="workers")
    world = studies.world(pruner, workers, data, troubles=data.draw(st.integers(0, 12)))
    try:
        world.run()
    except BaseException:
        note("\n".join(world.log))
        raise


@pytest.mark.outside
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # what went wrong is told line by line, and a world takes a second
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_no_trial_is_lost_or_counted_twice_whatever_happens(
    studies: Studies, data: st.DataObject
) -> None:
    _live_through_it(studies, data)


@pytest.mark.slow
@settings(
    max_examples=300,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # what went wrong is told line by line, and a world takes a second
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_no_trial_is_lost_or_counted_twice_in_hundreds_of_worlds(
    studies: Studies, data: st.DataObject
) -> None:
    _live_through_it(studies, data)
