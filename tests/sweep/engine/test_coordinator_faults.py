"""Faults that once ended a sweep, kept it from ending, or cost a trial; one test each."""

from pathlib import Path

import pytest

from fieldsharp.core.errors import DatabaseDamaged, FieldsharpError, StorageUnavailable
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.storage.maintenance.write_ahead_log import WriteAheadLog
from fieldsharp.storage.sqlite.file import FileIdentity, file_identity
from fieldsharp.storage.trial_files.checkpoints import make_attempt_folder, write_checkpoint
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.study.trial_events import EpochDone, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_records import is_baseline
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.fake_sweep import TARGETS, FakeExecutor, MakeSweep, Sweep, metrics_of, report_of


class Died(BaseException):
    """In place of SIGKILL: nobody catches it, and the database is not written any more."""


def _kill_while_at_work(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = FakeExecutor(slots=2, asleep={0: 10**6})

    def die(_poll: int) -> None:
        raise Died

    executor.on_poll = die
    coordinator = sweep.coordinator(executor)
    monkeypatch.setattr(coordinator, "_put_everything_back", lambda: None)
    with pytest.raises(Died):
        coordinator.run()


def test_a_baseline_that_is_given_up_with_its_coordinator_is_queued_once_more(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kill_while_at_work(make_sweep(trials=3, recovery={"attempts": 1}), monkeypatch)
    heir = make_sweep(trials=3, recovery={"attempts": 1})
    executor = FakeExecutor(slots=2)
    executor.on_poll = lambda poll: pytest.fail("it does not end") if poll > 50 else None
    heir.run(executor)
    states = [(is_baseline(trial), trial.state.name) for trial in heir.trials]
    assert states.count((True, "FAIL")) == 1
    assert states.count((True, "COMPLETE")) == 1
    assert heir.repository.finished() == 3


class LosesTheBaselineOnce(FakeExecutor):
    """The others are done by then, and wait for it."""

    def _advance(self, spec: TrialSpec, epoch: int) -> list[TrialEvent]:
        if spec.preset == "baseline" and spec.attempt == 1 and epoch == 1:
            if self.polls < 4:
                return []
            del self._at[spec.number]
            return [TrialFailed(spec.number, 1, "its worker process died", "worker")]
        return super()._advance(spec, epoch)


def test_a_baseline_that_is_lost_after_the_timeout_is_tried_again_for_those_that_wait(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(trials=9, budget={"trials": 9, "timeout": "30m"})
    executor = LosesTheBaselineOnce(slots=2)

    def pass_time(poll: int) -> None:
        assert poll < 50, "it does not end"
        sweep.clock.now = 0.0 if poll < 1 else 1800.0 + poll

    executor.on_poll = pass_time
    sweep.run(executor)
    assert set(sweep.states) == {"COMPLETE"}
    assert [spec.attempt for spec in executor.submitted if spec.number == 0] == [1, 2]
    assert len(sweep.states) == 2, "beyond the timeout no other trial is started"


def test_what_a_lost_baseline_had_said_stays_until_it_is_said_again(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=2)
    scoring = BaselineScoring(sweep.repository.config.objective, TARGETS)
    for epoch in range(3):
        scoring.add_baseline(report_of(epoch, metrics_of(rmse=10.0 - epoch)))
    scoring.add_baseline(report_of(0, metrics_of(rmse=5.0)))
    scores = [scoring.at_same_epoch(report_of(epoch, metrics_of(rmse=10.0))) for epoch in range(4)]
    assert [score and score.rmse for score in scores] == [
        pytest.approx(0.25 * (10 / 5 - 1)),
        pytest.approx(0.25 * (10 / 9 - 1)),
        pytest.approx(0.25 * (10 / 8 - 1)),
        None,
    ]


def test_an_epoch_that_is_told_twice_counts_once(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=1)
    executor = FakeExecutor()

    def tell_again(poll: int) -> None:
        if poll == 1:
            executor.extra = [EpochDone(0, 1, report_of(0, metrics_of()))] * 2

    executor.on_poll = tell_again
    sweep.run(executor)
    assert sweep.trials[0].user_attrs["record"]["epochs"] == 2


def test_a_database_that_is_away_for_good_is_waited_for_once_and_not_for_every_trial(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep(trials=9, recovery={"patience": "100s"})
    executor = FakeExecutor(slots=4, asleep=dict.fromkeys(range(1, 9), 10**6))

    def go_away(poll: int) -> None:
        if poll == 1:
            monkeypatch.setattr(WriteAheadLog, "check", _away)

    executor.on_poll = go_away
    with pytest.raises(StorageUnavailable):
        sweep.run(executor)
    assert 100.0 <= sweep.clock.now < 110.0


def _away(*_: object) -> None:
    raise StorageUnavailable("database is locked")


def test_a_result_that_was_not_told_is_told_by_the_next_and_not_trained_again(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep(trials=1, recovery={"patience": "10s"})
    executor = FakeExecutor()
    executor.on_poll = lambda poll: (
        monkeypatch.setattr(WriteAheadLog, "check", _away) if poll == 1 else None
    )
    with pytest.raises(StorageUnavailable):
        sweep.run(executor)
    monkeypatch.undo()
    again = FakeExecutor()
    heir = make_sweep(trials=1, recovery={"patience": "10s"})
    heir.run(again)
    assert again.submitted == []
    assert heir.states == ["COMPLETE"]
    assert heir.files.results() == []


def test_a_result_of_another_training_under_the_same_number_is_not_taken(
    make_sweep: MakeSweep,
) -> None:
    """The database was put back from a copy, and the number given to another trial since."""
    sweep = make_sweep(trials=1)
    sweep.repository.prepare()
    spec = sweep.repository.ask()
    assert sweep.repository.adopt(0, spec.attempt, "of another training") is None
    assert sweep.repository.adopt(0, spec.attempt + 1, spec.fingerprint) is None
    assert sweep.repository.adopt(7, spec.attempt, spec.fingerprint) is None
    assert sweep.repository.adopt(0, spec.attempt, spec.fingerprint) == spec


def test_a_trial_whose_data_are_gone_is_no_failure_and_is_tried_until_patience_ends(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(trials=4, recovery={"patience": "60s"})
    executor = FakeExecutor(failing={1: "the data file x.nc is gone"})
    executor.cause = "data"

    def pass_time(_poll: int) -> None:
        sweep.clock.now += 1.0

    executor.on_poll = pass_time
    with pytest.raises(FieldsharpError, match=r"x\.nc is gone; put it back and resume"):
        sweep.run(executor)
    assert sweep.states[:2] == ["COMPLETE", "WAITING"]
    assert "FAIL" not in sweep.states
    heir = make_sweep(trials=4)
    heir.run(FakeExecutor())
    assert heir.states == ["COMPLETE"] * 4


def test_checkpoints_of_trials_the_database_does_not_have_are_removed(
    make_sweep: MakeSweep,
) -> None:
    sweep = make_sweep(trials=2)
    stale = sweep.files.checkpoints(1)
    make_attempt_folder(stale, 1)
    write_checkpoint(stale, 1, 30, b"of another trial, before a copy was put back")
    sweep.run(FakeExecutor())
    assert not stale.exists()


def test_a_trial_that_ran_to_its_end_is_not_pruned_when_it_is_told_late(
    make_sweep: MakeSweep,
) -> None:
    search = {"pruner": "median", "pruner_startup_trials": 1, "pruner_warmup_epochs": 0}
    sweep = make_sweep(trials=3, search=search, training={"epochs": 4})
    bad = {(1, epoch): metrics_of(gradient=1.0) for epoch in range(4)}
    # The baseline comes last: until then the other cannot be judged, and trains to its end.
    sweep.run(FakeExecutor(slots=2, metrics=bad, asleep={0: 6}))
    assert sweep.states == ["COMPLETE"] * 3


def test_another_file_in_the_place_of_the_database_is_not_written_past(
    make_sweep: MakeSweep, storage_url: str
) -> None:
    sweep = make_sweep(trials=3)
    executor = FakeExecutor()
    path = Path(storage_url.removeprefix("sqlite:///"))

    def replace(poll: int) -> None:
        if poll == 1:
            copy_database(storage_url, path.with_name("copy.db"))
            path.with_name("copy.db").replace(path)

    executor.on_poll = replace
    with pytest.raises(DatabaseDamaged, match="another file was put in the place of the database"):
        sweep.run(executor)
    assert len(sweep.files.results()) == 1, "the baseline's, which was done by then"


def test_a_machine_that_starts_no_process_fails_no_trial(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(trials=4)
    executor = FakeExecutor(failing={1: "no worker process can be started"})
    executor.cause = "machine"

    def pass_time(poll: int) -> None:
        sweep.clock.now += 6.0
        if poll > 9:
            executor.failing = {}

    executor.on_poll = pass_time
    sweep.run(executor)
    assert sweep.states == ["COMPLETE"] * 4


def test_a_database_file_that_cannot_be_looked_at_for_a_while_is_waited_for(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = make_sweep(trials=2)
    refusals = [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]

    def look(path: Path) -> FileIdentity | None:
        if refusals:
            raise refusals.pop()
        return file_identity(path)

    monkeypatch.setattr("fieldsharp.storage.sqlite.opened_files.file_identity", look)
    sweep.run(FakeExecutor())
    assert sweep.states == ["COMPLETE"] * 2
