"""Confirming with workers that die, hang and run out of memory, and stops in between."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from optuna.study import Study

from fieldsharp.core.errors import FieldsharpError, StoppedOnRequest
from fieldsharp.storage.database import open_database
from fieldsharp.storage.trial_files.checkpoints import make_attempt_folder, write_checkpoint
from fieldsharp.sweep.configuration.execution import RecoverySettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.seed_trainings import SeedTrainings
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.execution.local.executor import LocalExecutor
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, read_runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_identity
from fieldsharp.sweep.study.trial_events import Cause, EpochDone, TrialEvent, TrialFailed
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.fake_sweep import Clock, FakeExecutor, metrics_of, report_of

TRIAL = 5
RECOVERY = RecoverySettings(attempts=3, progress_deadline="60s", patience="1s")


class Falling(FakeExecutor):
    """Lets a job fail as often as is said, for a cause, before it goes on.

    Args:
        causes: By job, why its attempts fail, one after the other.
        writing: Jobs whose attempts write a checkpoint of a further epoch before that.
        slots: Jobs at a time.
    """

    def __init__(
        self,
        causes: dict[int, list[Cause]] | None = None,
        writing: frozenset[int] = frozenset(),
        slots: int = 2,
    ) -> None:
        super().__init__(slots)
        self._causes = causes or {}
        self._writing = writing
        self.folders: dict[int, Path] = {}

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        assert checkpoints is not None
        self.folders[spec.number] = checkpoints
        super().submit(spec, checkpoints)

    def _advance(self, spec: TrialSpec, epoch: int) -> list[TrialEvent]:
        causes = self._causes.get(spec.number, [])
        if not causes:
            return super()._advance(spec, epoch)
        cause = causes.pop(0)
        if spec.number in self._writing:
            folder = self.folders[spec.number]
            make_attempt_folder(folder, spec.attempt)
            write_checkpoint(folder, spec.attempt, spec.attempt, b"weights")
        del self._at[spec.number]
        return [TrialFailed(spec.number, spec.attempt, f"{cause} trouble", cause)]


class Bench:
    """A study of which one trial is confirmed with several seeds."""

    def __init__(self, url: str, config: SweepConfig, facts: DataSummary) -> None:
        self.url, self.config = url, config
        self.study: Study = open_or_create_study(open_database(url, "write"), config, facts)
        self.files = StudyWorkspace(url, study_identity(self.study), kind="confirm")
        self.files.make()
        self.clock = Clock()
        self.recovery = RECOVERY

    def specs(self, seeds: Sequence[int]) -> list[TrialSpec]:
        return [
            TrialSpec(
                number=TRIAL,
                run=self.config.run_with(
                    {"training.seed": seed, "training.epochs": 3, "sharpening.name": "none"}
                ),
                judged_on="test",
                judged_at_end=True,
            )
            for seed in seeds
        ]

    def confirming(self, executor: Executor) -> SeedTrainings:
        return SeedTrainings(self.study, self.url, executor, self.files, self.recovery, self.clock)

    def run(self, confirming: SeedTrainings, *seeds: int) -> None:
        confirming.run(self.specs(seeds), "test")

    def confirm(self, executor: Executor, *seeds: int) -> dict[int, ConfirmedRun]:
        self.run(self.confirming(executor), *seeds)
        return self.kept()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    def kept(self) -> dict[int, ConfirmedRun]:
        return {seed: run for (_, seed), run in read_runs(self.study, self.url, "test").items()}


@pytest.fixture
def bench(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> Bench:
    return Bench(storage_url, tiny_config, tiny_facts)


def _attempts(executor: FakeExecutor, job: int) -> list[tuple[int, int]]:
    return [(s.attempt, s.micro_batches) for s in executor.submitted if s.number == job]


def test_a_lost_worker_is_tried_again_from_the_same_folder(bench: Bench) -> None:
    executor = Falling({0: ["worker", "worker"]})
    found = bench.confirm(executor, 1001, 1002)
    assert [found[seed].failure for seed in (1001, 1002)] == [None, None]
    assert _attempts(executor, 0) == [(1, 1), (2, 1), (3, 1)]
    assert _attempts(executor, 1) == [(1, 1)]
    assert executor.folders[0] != executor.folders[1]
    assert not executor.folders[0].exists(), "nobody needs its checkpoints any more"


def test_after_so_many_losses_in_a_row_it_is_given_up(bench: Bench) -> None:
    executor = Falling({0: ["worker"] * 9})
    found = bench.confirm(executor, 1001, 1002)
    assert len(_attempts(executor, 0)) == 3
    failure = found[1001].failure
    assert failure is not None
    assert failure.startswith("given up after 3 attempts")
    assert found[1002].failure is None


def test_losses_between_which_it_gets_further_do_not_add_up(bench: Bench) -> None:
    executor = Falling({0: ["worker"] * 7}, writing=frozenset({0}))
    assert bench.confirm(executor, 1001)[1001].failure is None
    assert len(_attempts(executor, 0)) == 8


def test_out_of_memory_is_tried_once_more_with_half_a_batch(bench: Bench) -> None:
    executor = Falling({0: ["memory"], 1: ["memory", "memory"]})
    found = bench.confirm(executor, 1001, 1002)
    assert _attempts(executor, 0) == _attempts(executor, 1) == [(1, 1), (2, 2)]
    assert found[1001].failure is None
    assert found[1002].failure == "out of memory with half a batch at a time: memory trouble"


def test_a_training_that_fails_is_not_tried_again(bench: Bench) -> None:
    executor = Falling({0: ["training"]})
    assert bench.confirm(executor, 1001)[1001].failure == "training trouble"
    assert len(executor.submitted) == 1


def test_one_seed_that_hangs_is_ended_and_the_others_of_its_trial_are_not(bench: Bench) -> None:
    executor = Falling(slots=3)
    executor.asleep = {0: 10**6}

    def pass_time(_poll: int) -> None:
        bench.clock.now += 10.0
        if executor.killed:
            executor.asleep = {}

    executor.on_poll = pass_time
    found = bench.confirm(executor, 1001, 1002, 1003)
    assert executor.killed == [0]
    assert _attempts(executor, 0) == [(1, 1), (2, 1)]
    assert [_attempts(executor, job) for job in (1, 2)] == [[(1, 1)]] * 2
    assert all(run.failure is None for run in found.values())


def test_a_loss_while_stopping_is_no_failure_and_costs_no_attempt(bench: Bench) -> None:
    executor = Falling({0: ["worker"], 1: ["worker"]})
    confirming = bench.confirming(executor)
    executor.on_poll = lambda _poll: confirming.request_stop()
    with pytest.raises(StoppedOnRequest, match="with 0 of 2 trainings done"):
        bench.run(confirming, 1001, 1002)
    assert bench.kept() == {}


def test_a_second_stop_waits_for_nobody(bench: Bench) -> None:
    executor = Falling()
    executor.asleep = {0: 10**6}
    confirming = bench.confirming(executor)
    executor.on_poll = lambda _poll: confirming.request_stop()
    with pytest.raises(StoppedOnRequest):
        bench.run(confirming, 1001)
    assert executor.polls == 2


class Watched(LocalExecutor):
    """Real workers; a stop is asked for once the first checkpoint is there."""

    def __init__(self, folder: Path, stop: Callable[[], None]) -> None:
        super().__init__(1)
        self._folder, self._stop = folder, stop
        self.stops = True

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        events = super().poll(min(timeout_s, 0.01))
        if self.stops and any(self._folder.rglob("epoch-*")):
            self.stops = False
            self._stop()
        return events


@pytest.mark.slow
def test_a_confirmation_that_was_stopped_comes_to_the_same_numbers(
    tmp_path: Path, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    found = []
    for name in ("whole", "stopped"):
        bench = Bench(f"sqlite:///{tmp_path / name}.db", tiny_config, tiny_facts)
        requests: list[SeedTrainings] = []
        executor = Watched(bench.files.folder, lambda: requests[0].request_stop())  # noqa: B023
        requests.append(bench.confirming(executor))
        try:
            if name == "stopped":
                with pytest.raises(StoppedOnRequest):
                    bench.run(requests[0], 1001, 1002)
                assert len(bench.kept()) < 2
            executor.stops = False
            bench.confirm(executor, 1001, 1002)
        finally:
            executor.close()
        found.append({seed: run.judgement for seed, run in bench.kept().items()})
    assert found[0] == found[1]
    assert all(found[0].values())


def test_reports_of_an_attempt_that_was_lost_are_not_used(bench: Bench) -> None:
    executor = Falling({0: ["worker"]})
    late = EpochDone(0, 1, report_of(2, metrics_of(rmse=1e6)))
    executor.on_poll = lambda poll: executor.extra.append(late) if poll > 0 else None
    found = bench.confirm(executor, 1001)
    judgement = found[1001].judgement
    assert judgement is not None
    assert judgement.overall["rmse"] == 10.0


@pytest.mark.parametrize("cause", ["data", "machine"])
def test_what_keeps_trainings_from_beginning_is_waited_for_and_costs_none(
    bench: Bench, cause: Cause
) -> None:
    bench.recovery = RECOVERY.model_copy(update={"patience": "60s"})
    executor = Falling({0: [cause] * 4}, slots=1)
    executor.on_poll = lambda _poll: bench.pass_time(2.0)
    found = bench.confirm(executor, 1001, 1002)
    assert [found[seed].failure for seed in (1001, 1002)] == [None, None]


def test_data_that_stay_away_end_a_confirmation_with_what_to_do(bench: Bench) -> None:
    executor = Falling({0: ["data"] * 9}, slots=1)
    executor.on_poll = lambda _poll: bench.pass_time(6.0)
    with pytest.raises(FieldsharpError, match="data trouble; put it back and run the same comm"):
        bench.confirm(executor, 1001)
    assert bench.kept() == {}
