"""What is counted of a search, and what of it is compared."""

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from benchmarks.compute import own_search, ray_search
from benchmarks.compute.account import Account, FullTrial, Referee, SearchEnded, SearchRun
from benchmarks.compute.measuring import NO_RAY, Goal, compared, measure
from benchmarks.compute.methods import OTHERS, OWN_SETTINGS, Job, run
from benchmarks.compute.optuna_search import counted
from benchmarks.compute.own_search import CountingExecutor
from benchmarks.compute.trainings import Trainings
from benchmarks.plain_script import main as plain_main
from fieldsharp.core.errors import ConfigError, FieldsharpError, TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    TrialBegan,
    TrialCancelled,
    TrialDone,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from research.search_comparison import main
from tests.held_frames import held_frames

NEVER = -1.0
MakeJob = Callable[..., Job]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trainings that the tests share."""
    return tmp_path_factory.mktemp("trainings")


@pytest.fixture
def job(tiny_yaml: Path, cache: Path) -> MakeJob:
    def make(method: str, *overrides: str, cap: float = 3.0, kept: Path | None = cache) -> Job:
        return Job(method, 0, tiny_yaml, overrides, NEVER, cap, kept)

    return make


@pytest.fixture
def trainings(tiny_config: SweepConfig, cache: Path) -> Trainings:
    return Trainings(tiny_config.run, cache)


@pytest.fixture
def account(tiny_config: SweepConfig, tiny_facts: DataSummary, trainings: Trainings) -> Account:
    baseline = trainings.begin(tiny_config.run)
    while not baseline.is_done:
        baseline.next_epoch()
    judged = baseline.reports[-1].judgement
    referee = Referee(tiny_config.objective, tiny_facts.targets, judged)
    return Account(referee, trainings.windows, target=NEVER, cap=10**9)


@pytest.mark.outside
def test_random_search_spends_every_epoch_of_every_trial_whatever_is_known(
    job: MakeJob, tiny_data: ForecastData, tmp_path: Path
) -> None:
    first = run(job("random", kept=tmp_path))
    there = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = run(job("random", kept=tmp_path))

    windows = len(tiny_data.train)
    assert first.epochs == [2, 2, 2]  # the baseline and two trials of two epochs
    assert first.passes == 3 * 2 * windows
    assert [one.passes for one in first.full] == [n * 2 * windows for n in (1, 2, 3)]
    assert sum(name.endswith(".json") for name in there) == 3
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == there
    assert (again.epochs, again.full) == (first.epochs, first.full)


@pytest.mark.outside
def test_a_pruned_trial_counts_what_it_trained(
    tiny_yaml: Path, trainings: Trainings, account: Account, tmp_path: Path
) -> None:
    soon = ["search.pruner=median", "search.pruner_startup_trials=1"]
    config = load_config(tiny_yaml, [*soon, "search.pruner_warmup_epochs=0"]).config

    own_search.search(config, trainings, account, tmp_path)

    url = f"sqlite:///{tmp_path / 'sweep.db'}"
    trials = optuna.load_study(study_name="tiny", storage=url).trials
    assert {trial.state.name for trial in trials} == {"COMPLETE", "PRUNED"}
    told = {trial.number: len(trial.intermediate_values) for trial in trials}
    assert account.epochs == told
    assert set(told.values()) == {1, 2}
    assert len(account.full) == sum(trial.state.name == "COMPLETE" for trial in trials)


def test_the_epoch_a_training_diverges_in_is_counted_and_known_afterwards(
    tiny_config: SweepConfig, account: Account, tmp_path: Path
) -> None:
    spoilt = Trainings(tiny_config.run, tmp_path)
    held_frames(spoilt.data.train)[:] = float("nan")

    with pytest.raises(TrainingFailed, match="diverged"):
        list(counted(tiny_config.run, spoilt, account))
    executor = CountingExecutor(Trainings(tiny_config.run, tmp_path), account)
    executor.submit(TrialSpec(number=1, run=tiny_config.run))
    _, failed = executor.poll(0) + executor.poll(0)

    assert isinstance(failed, TrialFailed)
    assert "diverged" in failed.reason
    assert account.epochs == {0: 1, 1: 1}
    assert executor.free_slots == 1


def test_a_search_with_another_baseline_is_refused(
    tiny_config: SweepConfig, account: Account, trainings: Trainings
) -> None:
    other = tiny_config.run_with({"training.learning_rate": 1e-4})

    with pytest.raises(FieldsharpError, match=r"within the ranges of search\.space"):
        list(counted(other, trainings, account))


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_paused_trial_goes_on_and_its_first_epoch_is_counted_once(
    tiny_config: SweepConfig, account: Account, trainings: Trainings, tmp_path: Path, is_kept: bool
) -> None:
    straight = trainings.begin(tiny_config.run)
    expected = [straight.next_epoch().judgement, straight.next_epoch().judgement]
    source = trainings if is_kept else Trainings(tiny_config.run, None)
    executor = CountingExecutor(source, account)
    first = TrialSpec(number=3, attempt=1, run=tiny_config.run)
    second = first.model_copy(update={"attempt": 2})

    executor.submit(first, tmp_path / "trial")
    begun, one = executor.poll(0) + executor.poll(0)
    executor.pause(3)
    paused = executor.poll(0)
    assert executor.free_slots == 1
    executor.submit(second, tmp_path / "trial")
    again, told = executor.poll(0)
    two, done = executor.poll(0) + executor.poll(0)

    assert (begun, again) == (TrialBegan(3, 1, 0), TrialBegan(3, 2, 1))
    assert paused == [TrialCancelled(3, 1)]
    assert isinstance(one, EpochDone)
    assert isinstance(told, EpochDone)
    assert isinstance(two, EpochDone)
    assert isinstance(done, TrialDone)
    assert [told.report.judgement, two.report.judgement] == expected
    assert one.report.judgement == expected[0]
    assert account.epochs == {3: 2}


@pytest.mark.outside
def test_a_state_that_lies_beyond_where_a_training_stands_is_not_gone_on_from(
    tiny_yaml: Path, tmp_path: Path
) -> None:
    config = load_config(tiny_yaml, ["training.epochs=3"]).config
    trainings = Trainings(config.run, tmp_path)
    ahead = trainings.begin(config.run)
    ahead.next_epoch()
    ahead.next_epoch()
    behind = trainings.begin(config.run)
    behind.next_epoch()

    assert behind.trial().trainer.epochs_done == 1
    assert behind.trial().reports[0].judgement == ahead.reports[0].judgement


def test_a_search_ends_with_the_trial_that_reaches_its_target(
    tiny_config: SweepConfig, account: Account, trainings: Trainings
) -> None:
    list(counted(tiny_config.run, trainings, account))
    account.target = account.full[0].score - 1e-9
    account.require_open()
    account.target = account.full[0].score

    with pytest.raises(SearchEnded):
        list(counted(tiny_config.run, trainings, account))
    assert account.epochs == {0: 2}


def test_nothing_is_trained_once_the_account_is_closed(
    tiny_config: SweepConfig, account: Account, trainings: Trainings
) -> None:
    account.cap = 1
    executor = CountingExecutor(trainings, account)
    executor.submit(TrialSpec(number=0, run=tiny_config.run))
    assert len(executor.poll(0) + executor.poll(0)) == 2  # it began, and an epoch

    with pytest.raises(SearchEnded):
        executor.poll(0)


def _search(method: str, seed: int, *full: FullTrial, epochs: int = 40) -> SearchRun:
    return SearchRun(method, seed, 10, [epochs], full, 0.0)


def test_a_trial_that_breaks_a_guard_reaches_nothing() -> None:
    found = _search(
        "ours",
        0,
        FullTrial(100, 0.5, ()),
        FullTrial(200, 0.0, ("spike",)),
        FullTrial(300, 0.6, ()),
        FullTrial(400, 0.1, ()),
    )

    assert found.passes_to(0.5) == 100
    assert found.passes_to(0.1) == 400
    assert found.passes_to(0.05) is None
    assert found.trajectory == [(100, 0.5), (400, 0.1)]


def test_what_was_not_reached_counts_as_what_was_spent_and_is_said() -> None:
    runs = [_search("ours", seed, FullTrial(100, 0.1, ())) for seed in range(3)]
    runs += [_search("plain", 0, FullTrial(300, 0.1, ()))]
    runs += [_search("plain", seed) for seed in (1, 2)]

    (one,) = compared("tiny", runs, Goal((0.1,), 5.0), "nothing else was measured")

    assert one.beside_values == [300, 400, 400]
    assert one.ratio == 0.25
    assert one.reached is True
    assert one.note == (
        "the other not reached in 2 of 3 (counted as what was spent, up to 5 full trainings): the "
        "ratio is at most this; nothing else was measured"
    )
    assert [search["passes"] for search in one.details["searches"]] == [400] * 6


def test_our_other_settings_stand_beside_the_plain_script_alone() -> None:
    names = [*OWN_SETTINGS, *OTHERS]
    runs = [_search(name, 0, FullTrial(100, 0.1, ())) for name in names]

    rows = compared("tiny", runs, Goal((0.1, 0.2), 5.0))

    of_ours = [(row.what, row.beside, row.aim) for row in rows if row.ours == "ours"]
    others = [(name, {"plain": 1 / 3, "random": 1 / 4}.get(name)) for name in OTHERS]
    assert of_ours == [
        *(("tiny to 0.1", OTHERS[name], aim) for name, aim in others),
        *(("tiny to 0.2", OTHERS[name], None) for name, _ in others),
    ]
    rest = [(row.what, row.ours, row.beside) for row in rows if row.ours != "ours"]
    assert rest == [
        ("tiny to 0.1", name, OTHERS["plain"]) for name in OWN_SETTINGS if name != "ours"
    ]


def test_a_study_without_a_fixed_score_is_refused(tiny_yaml: Path) -> None:
    with pytest.raises(ConfigError, match="study 'tiny', only for quickstart, plumes; give"):
        measure(tiny_yaml)


@pytest.mark.outside
def test_the_command_line_compares_ours_with_every_other_and_keeps_the_searches(
    tiny_yaml: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    methods = ["--methods", "ours", "random"]
    where = ["--workers", "0", "--cache", str(cache), "--json", str(file)]
    main([str(tiny_yaml), "--short", "--targets", "-1", *methods, *where])

    written = json.loads(file.read_text())
    pairs = [(row["what"], row["ours"], row["beside"]) for row in written]
    assert pairs == [("tiny to -1", "ours", "random search")]
    assert [row["ratio"] for row in written] == [1.0]
    assert [one["method"] for one in written[0]["details"]["searches"]] == ["ours", "random"]
    assert "neither median is known" in capsys.readouterr().out


@pytest.mark.outside
def test_the_plain_script_is_a_script(
    tiny_yaml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'plain.db'}"
    plain_main([str(tiny_yaml), "--trials", "2", "--storage", url])

    trials = optuna.load_study(study_name="tiny", storage=url).trials
    assert [len(trial.intermediate_values) for trial in trials] == [2, 2]
    assert capsys.readouterr().out.startswith("best: trial ")


@pytest.mark.slow
def test_the_executor_of_the_benchmark_comes_to_what_a_worker_process_comes_to(
    tiny_yaml: Path, trainings: Trainings, account: Account, storage_url: str, tmp_path: Path
) -> None:
    settings = ["budget.trials=10", "workers.count=1", *OWN_SETTINGS["ours, no presets"]]
    config = load_config(tiny_yaml, settings).config
    run_sweep(config, storage_url, lambda o: SilentProgress(o.study, o.targets, o.units))
    (tmp_path / "counted").mkdir()
    own_search.search(config, trainings, account, tmp_path / "counted")

    studies = [
        optuna.load_study(study_name="tiny", storage=url).trials
        for url in (storage_url, f"sqlite:///{tmp_path / 'counted' / 'sweep.db'}")
    ]
    worker, counted = ([(t.params, t.intermediate_values) for t in trials] for trials in studies)
    assert worker == counted


@pytest.mark.slow
@pytest.mark.skipif(not ray_search.is_installed(), reason=NO_RAY)
def test_ray_counts_what_its_trials_train_and_the_epoch_one_diverges_in(
    job: MakeJob, tiny_config: SweepConfig, tmp_path: Path
) -> None:
    # Both draw the same trials from the same seed: one of them is now known to diverge.
    assert run(job("random", kept=tmp_path)).epochs == [2, 2, 2]
    newest = max(tmp_path.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_text(json.dumps({"reports": "[]", "failure": "the training diverged"}))

    found = run(job("ray", kept=tmp_path))

    assert found.epochs == [2, 2, 1, 1]  # the last had no more to spend
    assert found.passes == 6 * Trainings(tiny_config.run, tmp_path).windows
    assert len(found.full) == 2
