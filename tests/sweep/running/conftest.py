"""A sweep whose trials are scripted."""

from typing import Any

import pytest

from sweep.configuration.settings import SweepConfig
from sweep.study.facts import StudyFacts
from tests.sweep.running.fake_sweep import MakeSweep, Sweep


@pytest.fixture
def make_sweep(storage_url: str, tiny_config: SweepConfig, tiny_facts: StudyFacts) -> MakeSweep:
    def make(trials: int, **sections: Any) -> Sweep:
        tree = tiny_config.model_dump()
        tree["search"]["presets"] = "baseline"
        tree["budget"] |= {"trials": trials, "stop_on_nothing_to_fix": False}
        for name, section in sections.items():
            tree[name] = {**tree[name], **section}
        return Sweep(storage_url, SweepConfig.model_validate(tree), tiny_facts)

    return make
