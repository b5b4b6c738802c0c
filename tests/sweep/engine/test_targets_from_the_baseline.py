"""Targets of a script that are taken from the truth of its baseline."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.script.preflight import summarise_script_data
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import study_data_summary
from tests.sweep.fake_sweep import FakeExecutor, Metrics, Sweep, metrics_of

TRIALS = 3
OBSERVED = {"gradient_observed": 4.0, "peak_observed": 160.0, "mean_observed": 40.0}


@pytest.fixture
def config(tmp_path: Path) -> SweepConfig:
    project = tmp_path / "mine"
    project.mkdir()
    (project / "train.py").write_text("", encoding="utf-8")
    return SweepConfig.model_validate(
        {
            "study": "mine",
            "trainer": {
                "command": ["python", "train.py"],
                "project": str(project),
                "given": {"gradient_weight": 0.05},
                "forecast": "f.nc",
                "truth": "t.nc",
            },
            "training": {"epochs": 2},
            "search": {
                "space": {"gradient_weight": {"low": 0.01, "high": 1.0}},
                "sampler": "random",
            },
            "budget": {"trials": TRIALS},
            "workers": {"count": 1},
            "recovery": {"backup_every": "1h"},
        }
    )


@pytest.fixture
def sweep(config: SweepConfig, storage_url: str) -> Sweep:
    return _sweep(config, storage_url, summarise_script_data(config))


def _sweep(config: SweepConfig, url: str, facts: DataSummary) -> Sweep:
    sweep = Sweep(url, config, facts)
    sweep.facts = study_data_summary(sweep.repository.study)
    return sweep


def _told(truth_of: Callable[[int], Metrics]) -> FakeExecutor:
    """Return an executor of a script whose last report alone knows the truth."""

    return FakeExecutor(
        metrics={(n, 1): metrics_of(gradient=3.9) | truth_of(n) for n in range(TRIALS)}
    )


def test_the_targets_are_those_of_the_truth_of_the_baseline(sweep: Sweep) -> None:
    assert not sweep.facts.targets_known
    sweep.run(_told(lambda _: OBSERVED))
    facts = study_data_summary(sweep.repository.study)
    assert facts.targets.gradient.low == pytest.approx(0.95 * 4.0)
    assert facts.targets.peak.low == pytest.approx(40.0 + 0.95 * 120.0)  # the anomaly
    assert facts.targets.peak.offset == 40.0
    assert facts.gradient_observed == 4.0
    assert sweep.states == ["COMPLETE"] * 3


def test_no_trial_is_told_before_the_targets_are_stored(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[bool] = []
    complete = sweep.repository.complete

    def watched(*args: object) -> None:
        known.append(study_data_summary(sweep.repository.study).targets_known)
        complete(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep.repository, "complete", watched)
    sweep.run(_told(lambda _: OBSERVED))
    assert known == [True] * 3


@pytest.mark.parametrize("lost_at", ["set_facts", "complete"])
def test_a_kill_between_the_targets_and_the_baseline_loses_and_doubles_nothing(
    config: SweepConfig,
    sweep: Sweep,
    storage_url: str,
    lost_at: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep.repository, lost_at, killed)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(_told(lambda _: OBSERVED))
    monkeypatch.undo()
    again = _sweep(config, storage_url, summarise_script_data(config))
    assert again.facts.targets_known == (lost_at == "complete")
    executor = _told(lambda _: OBSERVED)
    again.run(executor)
    assert 0 not in {number for number, _ in executor.trained}  # its result was at hand
    assert again.states == ["COMPLETE"] * 3
    assert study_data_summary(again.repository.study).targets.gradient.low == pytest.approx(3.8)


def test_a_trial_beside_another_truth_fails_in_a_sentence(sweep: Sweep) -> None:
    sweep.run(_told(lambda n: OBSERVED | ({"gradient_observed": 4.1} if n == 1 else {})))
    assert sweep.states == ["COMPLETE", "FAIL", "COMPLETE"]
    reason = sweep.trials[1].user_attrs["failure"]
    assert "the observed gradient is 4.1 in place of 4, and all trials are compared" in reason


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [
        ({}, "the gradient and peak of the truth are not known"),
        (OBSERVED | {"gradient_observed": 0.0}, "the truth has no gradient: it is the same in"),
    ],
)
def test_a_truth_without_targets_ends_the_sweep_at_its_baseline(
    sweep: Sweep, truth: Metrics, sentence: str
) -> None:
    with pytest.raises(FieldsharpError, match=r"^the baseline \(trial 0\) failed.*" + sentence):
        sweep.run(_told(lambda _: truth))
    assert sweep.states[0] == "FAIL"
