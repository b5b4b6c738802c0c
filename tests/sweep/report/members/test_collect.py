"""Which ensemble a report shows."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from optuna.trial import FrozenTrial

from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.report.members.collect import compare_members
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.report.trial_rows import ParsedTrials
from fieldsharp.sweep.study.trial_records import TrialRecord, VariableRecord
from tests.sweep.members_study import MEMBERS, MembersStudy
from tests.sweep.pictures.ensembles import made_result
from tests.sweep.report.conftest import Whole
from tests.sweep.report.members.conftest import MembersReport


def test_the_ensemble_is_shown_beside_what_needs_no_training(
    members_study: MembersStudy, members_report: MembersReport
) -> None:
    found = members_report.found
    assert found.number == 1
    assert found.result == members_study.ensemble.members["none"]
    assert found.references == members_study.baseline.members
    assert list(found.references) == ["dressed", "climatology"]
    assert found.baseline == members_study.baseline
    preview = members_study.files.preview(1)
    assert preview is not None
    assert preview.forecast is not None
    assert found.preview is not None
    assert found.preview.count == MEMBERS
    assert preview.forecast.members is not None
    assert np.array_equal(found.preview.mean_LHW, preview.forecast.members.mean_LHW)


@pytest.mark.parametrize("chosen", [None, 0, 1])
def test_a_trial_without_members_is_not_the_one_shown(
    members_study: MembersStudy, chosen: int | None
) -> None:
    trials = ParsedTrials(members_study.study.get_trials())
    targets = members_study.facts.targets
    found = compare_members(trials, chosen, targets, members_study.files)
    assert found is not None
    assert (found.number, found.is_chosen) == (1, chosen == 1)


def test_of_several_ensembles_one_that_breaks_no_guard_is_shown(
    members_study: MembersStudy,
) -> None:
    trials = ParsedTrials(members_study.study.get_trials())
    own = trials.records[1]
    sharper = own.model_copy(update={"score": own.score - 0.5})
    kept = [guard.model_copy(update={"ok": True, "violation": 0.0}) for guard in own.guards]
    broken = [guard.model_copy(update={"ok": False, "violation": 1.0}) for guard in own.guards]
    for number, guards in ((1, kept), (2, broken), (3, kept)):
        trials.records[number] = (sharper if number > 1 else own).model_copy(
            update={"guards": guards, "sharpening": None, "members": own.members}
        )
    first = trials.all[1]
    trials.all += [_numbered(first, 2), _numbered(first, 3)]

    found = compare_members(trials, None, members_study.facts.targets, members_study.files)

    assert found is not None
    assert found.number == 3
    assert found.guards_broken == []


def _numbered(trial: FrozenTrial, number: int) -> FrozenTrial:
    copied = copy.copy(trial)
    copied.number = number
    return copied


def test_a_study_without_members_has_none_to_show(whole: Whole) -> None:
    assert whole.report.members is None
    assert whole.page.members is None
    assert "members" not in [name for name, _ in whole.page.contents]
    assert 'id="members"' not in whole.path.read_text(encoding="utf-8")


def test_of_several_variables_each_has_its_own_members(members_study: MembersStudy) -> None:
    together = {name: made_result(2.0 + n) for n, name in enumerate(("t2m", "u10"))}
    result = together["t2m"].model_copy(update={"others": {"u10": together["u10"]}})

    def record(members: dict[str, MembersResult]) -> TrialRecord:
        variable = VariableRecord(score=1.0, score_parts={}, baseline_rmse=1.0)
        own = members_study.ensemble
        judgement = own.judgement.model_copy(update={"others": {"u10": own.judgement}})
        without = own.unsharpened.model_copy(update={"scores": {"t2m": 1.0, "u10": 1.0}})
        return own.model_copy(
            update={
                "judgement": judgement,
                "sharpening": own.sharpening
                and own.sharpening.model_copy(update={"without": without}),
                "members": members,
                "variables": {"t2m": variable, "u10": variable},
                "window_statistics": None,
            }
        )

    targets = members_study.facts.targets
    own: Targets = replace(targets, variable="t2m", others={"u10": replace(targets)})
    found = MembersComparison(1, True, record({"none": result}), record({"dressed": result}), own)

    for name, expected in together.items():
        of_one = found.of(name)
        assert of_one.result == expected
        assert of_one.references == {"dressed": expected}
