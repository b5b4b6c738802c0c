"""No command is offered that would be refused, whatever state a study is in."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import FloatDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.lock_owner import LockOwner
from fieldsharp.sweep.commands.console import wide_console
from fieldsharp.sweep.commands.status_view import show_result
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.dashboard.views.notes import study_note
from fieldsharp.sweep.engine.confirmation_plan import make_plan
from fieldsharp.sweep.report.collect import collect_report
from fieldsharp.sweep.report.render import lay_out, render
from fieldsharp.sweep.results.export import choose_trial
from fieldsharp.sweep.results.narrowed_search import render_narrowed_search
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status import report as status_report
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.verdict import WITHOUT_NARROWING
from tests.sweep.report.studies import against_a_guard, failed, make_study, pruned, trials_of

Change = Callable[[list[FrozenTrial]], Sequence[FrozenTrial]]
STATES: dict[str, tuple[Change, bool, bool]] = {
    "nothing": (lambda _: [], False, False),
    "a baseline alone": (lambda trials: trials[:1], True, False),
    "all pruned or failed": (lambda t: [pruned(t[0]), pruned(t[1]), failed(t[2])], False, False),
    "all but the baseline pruned": (lambda t: [t[0], *map(pruned, t[1:3])], True, False),
    "none feasible": (lambda t: [against_a_guard(trial) for trial in t[:3]], True, False),
    "only the baseline feasible": (lambda t: [t[0], against_a_guard(t[1])], True, False),
    "no complete baseline": (lambda t: [failed(t[0]), t[1]], True, False),
    "complete": (lambda trials: trials, True, True),
}
"""Of each state whether ``export`` and ``confirm`` can be used."""


def _offered(text: str, command: str) -> bool:
    return re.search(rf"run_sweep\.py {command} tiny", text) is not None


@pytest.mark.parametrize("state", STATES)
def test_export_and_confirm_are_offered_only_where_they_are_accepted(
    state: str,
    finished_url: str,
    storage_url: str,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change, can_export, can_confirm = STATES[state]
    study = make_study(storage_url, tiny_config, tiny_facts, change(trials_of(finished_url)))
    status = study_status(study, storage_url)
    show_result(status, storage_url, wide_console())
    report = collect_report("tiny", storage_url)
    texts = {
        "result": capsys.readouterr().out,
        "note": study_note(status, storage_url),
        "report": render(report, lay_out(report)),
    }
    for where, text in texts.items():
        assert _offered(text, "export") == can_export, where
        assert _offered(text, "confirm") == can_confirm, where
        assert "train best.yaml" not in text or can_export, where
    if not can_confirm:
        assert f"nothing could be confirmed: {status.why_not_confirm}." in texts["report"].replace(
            "&#39;", "'"
        )
    _are_accepted(study, storage_url, can_export=can_export, can_confirm=can_confirm)


def _are_accepted(study: Study, url: str, *, can_export: bool, can_confirm: bool) -> None:
    for allowed, command in (
        (can_export, lambda: choose_trial(study, None, url)),
        (can_confirm, lambda: make_plan(study, url, 3, 2)),
    ):
        if allowed:
            command()
        else:
            with pytest.raises(StudyError):
                command()


def test_a_study_that_is_run_is_not_offered_to_be_confirmed(
    finished_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = LockOwner(pid=1, host="", alive=True)
    monkeypatch.setattr(status_report, "study_lock_owner", lambda *_: owner)
    status = study_status(load_study(open_database(finished_url, "read"), "tiny"), finished_url)
    assert status.why_not_confirm == "the study is being run"
    assert not _offered(study_note(status, finished_url), "confirm")


def _as_script(tmp_path: Path) -> SweepConfig:
    trainer = {
        "command": ["python", "t.py"],
        "project": str(tmp_path),
        "given": {"weight": 0.05},
        "baseline": {"weight": 0.0},
        "metrics": "m.json",
    }
    space = {"weight": {"low": 0.01, "high": 1.0}}
    tree = {
        "study": "tiny",
        "trainer": trainer,
        "objective": {"targets": {"gradient": 3.0, "peak": 140.0}},
        "search": {"space": space},
        "budget": {"trials": 3},
    }
    return SweepConfig.model_validate(tree)


def test_a_script_is_offered_neither_confirm_nor_train(
    finished_url: str,
    storage_url: str,
    tiny_facts: DataSummary,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = _as_script(tmp_path)
    trials = trials_of(finished_url)[:3]
    for trial in trials:
        trial.params = {"script.weight": 0.5}
        trial.distributions = {"script.weight": FloatDistribution(0.01, 1.0)}
        trial.user_attrs["spec"]["run"] = config.run.model_dump(mode="json")
    study = make_study(storage_url, config, tiny_facts, trials)
    status = study_status(study, storage_url)
    show_result(status, storage_url, wide_console())
    report = collect_report("tiny", storage_url)
    texts = [
        capsys.readouterr().out,
        study_note(status, storage_url),
        render(report, lay_out(report)),
    ]
    for text in texts:
        assert _offered(text, "export")
        assert not _offered(text, "confirm")
        assert "train best.yaml" not in text
    with pytest.raises(StudyError, match="trains a script, whose seeds and test split are its own"):
        make_plan(study, storage_url, 3, 2)
    following = tmp_path / "next.yaml"
    following.write_text(render_narrowed_search(study, study.get_trials()))
    assert list(load_config(following).config.search.space) == ["script.weight"]


@pytest.mark.parametrize("alike", [True, False])
def test_a_narrowed_search_is_advised_only_where_there_is_one(
    finished_url: str,
    storage_url: str,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
    alike: bool,
) -> None:
    tree = tiny_config.model_dump()
    space: dict[str, Any] = {"multi_step": {"choices": ["last", "all"]}}
    if not alike:
        space["gradient_weight"] = tree["search"]["space"]["gradient_weight"]
    tree["search"]["space"] = space
    tree["loss"] |= {"variant": "sorted", "gradient_weight": 1.0}
    trials = trials_of(finished_url)
    chosen = trials[:2]
    chosen[1].user_attrs["record"]["score"] = 0.5 * chosen[0].user_attrs["record"]["score"]
    base = trials[0].user_attrs["record"]["judgement"]["overall"]
    sharp = chosen[1].user_attrs["record"]["judgement"]["overall"]
    sharp |= {"gradient": 1.5 * base["gradient"], "peak": 1.5 * base["peak"]}
    facts = tiny_facts.model_copy(
        update={
            "gradient": BandSummary(
                low=1.6 * base["gradient"], high=1.7 * base["gradient"], offset=0.0
            ),
            "peak": BandSummary(low=1.6 * base["peak"], high=1.7 * base["peak"], offset=0.0),
            # Its two epochs are too few to be ahead of these.
            "rmse_persistence": None,
            "linear": None,
        }
    )
    study = make_study(storage_url, SweepConfig.model_validate(tree), facts, chosen)
    status = study_status(study, storage_url)
    assert status.verdict.name == "promising"
    if alike:
        assert status.verdict.next == WITHOUT_NARROWING
        with pytest.raises(StudyError, match="there is nothing left to narrow"):
            render_narrowed_search(study, study.get_trials())
    else:
        assert "start the narrowed search in next.yaml" in status.verdict.next
        assert render_narrowed_search(study, study.get_trials())
