"""The sweep of members that follows a study."""

from typing import Any

import pytest

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.configuration.ranges import Choices
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.members_search import can_have_members, members_search


def _config(tiny_config: SweepConfig, **sections: Any) -> SweepConfig:
    return SweepConfig.model_validate({**tiny_config.model_dump(), **sections})


def test_the_members_are_those_of_the_study_s_own_predictor(tiny_config: SweepConfig) -> None:
    config = _config(
        tiny_config, predictor={"name": "unet", "width": 8, "options": {"depth": 1}}, study="rain"
    )

    found = members_search("rain", config)

    assert found.study == "rain-members"
    assert found.predictor.name == "ensemble"
    assert found.predictor.width == 8
    assert found.predictor.options | {"depth": 1, "member": "unet"} == found.predictor.options
    assert found.training.start == "baseline"
    assert found.objective.mode == "members"
    assert found.loss.base in ("spectral_crps", "crps")
    assert found.loss.gradient_weight == found.loss.peak_weight == 0.0
    assert found.data == config.data
    assert found.budget == config.budget
    assert found.objective.targets == config.objective.targets
    assert "predictor.options.dropout" in found.search.space


def test_a_searched_predictor_is_that_of_the_baseline(tiny_config: SweepConfig) -> None:
    search = {
        **tiny_config.search.model_dump(),
        "space": {
            **{n: s.model_dump() for n, s in tiny_config.search.space.items()},
            "predictor.name": Choices(choices=("simvp", "convlstm")).model_dump(),
        },
    }
    found = members_search("s", _config(tiny_config, search=search))

    assert found.predictor.options["member"] == "simvp"


def test_a_net_that_may_have_no_convolutions_has_noise_as_input(tiny_config: SweepConfig) -> None:
    found = members_search(
        "s",
        _config(
            tiny_config, plugins=["my"], predictor={"name": "my.nets:Net", "options": {"heads": 2}}
        ),
    )

    assert found.predictor.options == {
        **{"heads": 2, "member": "my.nets:Net"},
        **{"members": 4, "noise": "input"},
    }
    assert "predictor.options.dropout" not in found.search.space


def test_a_study_of_members_has_no_further_one(tiny_config: SweepConfig) -> None:
    members = members_search("s", tiny_config)

    assert can_have_members(tiny_config)
    assert not can_have_members(members)
    with pytest.raises(StudyError, match="study 's' is one of members, or of an ensemble, already"):
        members_search("s", members)
