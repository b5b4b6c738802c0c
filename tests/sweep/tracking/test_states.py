"""How trials that were paused, pruned, failed or completed look in each tracker."""

import io
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.tracking import TrackingSettings
from fieldsharp.sweep.study.trial_records import state_name
from fieldsharp.sweep.tracking.process import Work
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, Sweep, metrics_of
from tests.sweep.tracking.read_back import READERS, STUDY_RUN, Run, Runs

pytestmark = [
    pytest.mark.slow,
    # MLflow's own use of SQLAlchemy, and its pool, which no method of its client closes.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]
TRIALS, EPOCHS, RUNGS = 12, 6, (1, 3)
FAILING = {2: "the loss is not finite"}
SUCCESS, FAILURE, UNKNOWN = "1", "2", ""
"""States of TensorBoard's hyperparameters, as numbers; none before the end."""
LOOKS = {
    "tensorboard": {"COMPLETE": SUCCESS, "FAIL": FAILURE, "PRUNED": FAILURE},
    "mlflow": {
        "COMPLETE": "FINISHED",
        "FAIL": "FAILED",
        "PRUNED": "KILLED",
        "PAUSED": "SCHEDULED",
        "WAITING": "SCHEDULED",
    },
    "wandb": {"COMPLETE": "0", "FAIL": "1", "PRUNED": "0", "PAUSED": "0", "WAITING": "0"},
}


def brought_up_to_date(name: str, sweep: Sweep, folder: Path) -> Runs:
    """Run the work of a tracker's process to its end, and return what the tracker holds then."""
    places: Mapping[str, Any] = {
        "tensorboard": {"folder": str(folder / "runs")},
        "mlflow": {"uri": f"sqlite:///{folder / 'mlflow.db'}"},
        "wandb": {"folder": str(folder)},
    }
    ended, said = threading.Event(), io.StringIO()
    ended.set()
    settings = TrackingSettings.model_validate({name: places[name]})
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    work = Work(name, settings, sweep.repository.url, "tiny", notes, said)
    assert work.run(ended) == 0, said.getvalue()
    return READERS[name](folder, "tiny")


def assert_as_in_the_database(name: str, runs: Runs, sweep: Sweep) -> set[str]:
    """Check each trial's state and epochs in a tracker; return the states that there were."""
    begun = {t.number: t for t in sweep.trials if "spec" in t.user_attrs}
    assert {number: len(found) for number, found in runs.items() if number != STUDY_RUN} == (
        dict.fromkeys(begun, 1)
    )
    for number, trial in begun.items():
        state, run = state_name(trial), runs[number][0]
        assert run.state == LOOKS[name].get(state, UNKNOWN), (number, state, run)
        epochs = [epoch + 1 for epoch in sorted(trial.intermediate_values)]
        if trial.state.is_finished():
            assert run.steps.get("score", []) == epochs, (number, state, run)
            assert state in run.text
    return {state_name(trial) for trial in begun.values()}


@pytest.mark.parametrize("name", READERS)
def test_each_state_looks_as_documented_and_a_resumed_trial_has_no_second_run(
    name: str, make_sweep: MakeSweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    sweep = make_sweep(
        TRIALS,
        search={"pruner": "promotion", "rungs": RUNGS, "promote_one_in": 3},
        training={"epochs": EPOCHS},
    )
    metrics = {
        (number, epoch): metrics_of(gradient=1.0 + (7 * number % TRIALS) / TRIALS)
        for number in range(1, TRIALS)
        for epoch in range(EPOCHS)
    }
    executor = FakeExecutor(slots=2, metrics=metrics, failing=FAILING)
    coordinator = sweep.coordinator(executor)
    executor.on_poll = lambda poll: coordinator.request_stop() if poll == 10 else None
    with pytest.raises(StoppedOnRequest):
        coordinator.run()
    found = assert_as_in_the_database(name, brought_up_to_date(name, sweep, tmp_path), sweep)
    assert {"COMPLETE", "FAIL", "PAUSED"} <= found

    further = FakeExecutor(slots=2, metrics=metrics)
    further._checkpoints = dict(executor._checkpoints)
    sweep.run(further)
    runs = brought_up_to_date(name, sweep, tmp_path)
    assert assert_as_in_the_database(name, runs, sweep) == {"COMPLETE", "FAIL", "PRUNED"}
    assert FAILING[2] in runs[2][0].text
    assert brought_up_to_date(name, sweep, tmp_path).keys() == runs.keys()


TRAIN = """
import sys
weight = float(sys.argv[1])
if weight > 0.5:
    raise ValueError("the weight is too high")
print(f"gradient {2.1 + weight:.3f}")
print(f"peak {112 + 5 * weight:.3f}")
print(f"rmse {0.5 + 0.01 * weight:.3f}")
"""
SWEEP = """
study: mine
trainer:
  command: [python, train.py, "{gradient_weight}"]
  given: {gradient_weight: 0.05}
  patterns: {gradient: 'gradient (\\S+)', peak: 'peak (\\S+)', rmse: 'rmse (\\S+)'}
training: {epochs: 1}
objective: {targets: {gradient: 3.0, peak: 114}}
search:
  sampler: random
  seed: 1
  space: {gradient_weight: {low: 0.01, high: 1.0}}
budget: {stop_on_nothing_to_fix: false}
workers: {count: 1}
tracking: {tensorboard: {}, mlflow: {}}
"""


def test_trials_of_a_script_are_runs_with_its_numbers_and_errors_and_stay_single(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "mine"
    project.mkdir()
    (project / "train.py").write_text(TRAIN, encoding="utf-8")
    (project / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    monkeypatch.chdir(project)
    storage = ["--storage", f"sqlite:///{tmp_path / 'x.db'}"]
    assert main(["start", "sweep.yaml", "--trials", "4", *storage]) == 0
    assert main(["resume", "mine", "--trials", "6", *storage]) == 0
    assert "cannot show" not in capfd.readouterr().err
    for name in ("tensorboard", "mlflow"):
        runs = READERS[name](project, "mine")
        trials = {number: found for number, found in runs.items() if number != STUDY_RUN}
        assert {n: len(found) for n, found in trials.items()} == dict.fromkeys(range(6), 1)
        states = [_check_script_run(name, found[0]) for found in trials.values()]
        assert set(states) == {"COMPLETE", "FAIL"}


def _check_script_run(name: str, run: Run) -> str:
    """Check what a run of the script holds; return the state that its trial ended in."""
    weight = float(run.parameters["script.gradient_weight"])
    state = "FAIL" if weight > 0.5 else "COMPLETE"
    assert run.state == LOOKS[name][state]
    if state == "FAIL":
        assert "the weight is too high" in run.text
        assert not run.final
    else:
        assert re.search(r"\bCOMPLETE\b", run.text)
        assert run.steps["gradient"] == [1]
        assert not [metric for metric in run.steps if metric.startswith("loss/")]  # not known
        assert run.final["final/gradient"] == pytest.approx(2.1 + weight, abs=1e-3)
    return state
