"""The study's book over a real SQLite database."""

from collections import Counter
from collections.abc import Callable

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.results.export import export_tree
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import FAILURE, TrialRecord, read_record

PLAN = [
    "baseline",
    "plan 0: weight 0.05, last step",
    "plan 1: weight 0.2, last step",
    "plan 2: weight 0.2, all steps",
    "plan 3: Sobel",
    "plan 3: Laplacian",
]
MakeLedger = Callable[[], StudyRepository]


@pytest.fixture
def make_repository(
    tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> MakeLedger:
    """A repository of the study as a coordinator that starts now would have it."""

    def make() -> StudyRepository:
        study = open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
        repository = StudyRepository(study, tiny_config, storage_url, tiny_facts)
        repository.prepare()
        for number in repository.stale_running():
            repository.requeue(number)
        return repository

    return make


def _states(repository: StudyRepository) -> Counter[TrialState]:
    return Counter(trial.state for trial in _trials(repository))


def _record(rmse: float = 10.0, score: float = 0.3, *, feasible: bool = True) -> TrialRecord:
    names = ("gradient", "peak", "anomaly_correlation", "skill_persistence")
    metrics = {"rmse": rmse, **dict.fromkeys(names, 1.0)}
    judged = MetricValues(overall=metrics, by_lead={name: [v] for name, v in metrics.items()})
    guard = GuardOutcome(
        name="rmse",
        value=rmse,
        limit=20.0 if feasible else 5.0,
        ok=feasible,
        violation=-0.5 if feasible else 1.0,
        words="its error is too large",
    )
    return TrialRecord(
        judgement=judged,
        judgements_by_epoch=[judged, judged],
        score=score,
        score_parts={"gradient": 0.1, "peak": 0.2, "rmse": 0.0},
        guards=[guard],
        baseline_rmse=10.0,
        epochs=2,
        seconds=1.0,
        peak_memory_mb=100.0,
        device="cpu",
        precision="float32",
    )


def _trials(repository: StudyRepository) -> list[FrozenTrial]:
    return repository.study.get_trials(deepcopy=False)


def test_presets_are_asked_first_in_order_and_then_the_sampler(make_repository: MakeLedger) -> None:
    repository = make_repository()
    specs = [repository.ask() for _ in range(8)]
    assert [spec.preset for spec in specs] == [*PLAN, None, None]
    assert [spec.number for spec in specs] == list(range(8))
    assert specs[6].run.training.learning_rate != specs[7].run.training.learning_rate


def test_a_preset_trains_its_own_values_and_the_baseline_weight_0(
    make_repository: MakeLedger,
) -> None:
    repository = make_repository()
    losses = [repository.ask().run.loss for _ in range(6)]
    assert [(loss.variant, loss.gradient_weight, loss.multi_step) for loss in losses] == [
        ("none", 0.0, "last"),
        ("gradient", 0.05, "last"),
        ("gradient", 0.2, "last"),
        ("gradient", 0.2, "all"),
        ("sobel", 0.2, "all"),
        ("laplacian", 0.2, "all"),
    ]


def test_presets_are_queued_once_however_often_a_coordinator_starts(
    make_repository: MakeLedger,
) -> None:
    make_repository()
    repository = make_repository()
    assert _states(repository) == {TrialState.WAITING: 6}
    assert repository.finished() == 0


def test_a_sampled_variant_none_has_no_weight(
    tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    config = SweepConfig.model_validate(
        {
            **tiny_config.model_dump(),
            "search": {
                "presets": "baseline",
                "space": {
                    "gradient_weight": {"low": 1.0, "high": 2.0},
                    "loss_variant": {"choices": ["none", "sobel"]},
                },
            },
        }
    )
    study = open_or_create_study(open_database(storage_url, "write"), config, tiny_facts)
    repository = StudyRepository(study, config, storage_url, tiny_facts)
    repository.prepare()
    repository.ask()
    sampled = [repository.ask() for _ in range(12)]
    assert {spec.run.loss.variant for spec in sampled} == {"none", "sobel"}
    for spec in sampled:
        assert (spec.run.loss.gradient_weight == 0) == (spec.run.loss.variant == "none")


def test_a_trial_put_back_comes_again_with_its_number_and_parameters(
    make_repository: MakeLedger,
) -> None:
    repository = make_repository()
    specs = [repository.ask() for _ in range(7)]
    repository.report(6, 0, 0.5)
    repository.requeue(6)
    assert _states(repository)[TrialState.WAITING] == 1
    again = repository.ask()
    assert again == specs[6].model_copy(update={"attempt": 2})


def test_trials_of_a_coordinator_that_died_are_queued_again(make_repository: MakeLedger) -> None:
    dead = make_repository()
    specs = [dead.ask() for _ in range(7)]
    dead.complete(0, _record())
    heir = make_repository()
    assert TrialState.RUNNING not in _states(heir)
    again = [heir.ask() for _ in range(6)]
    assert again == [spec.model_copy(update={"attempt": 2}) for spec in specs[1:]]
    assert heir.ask().number == 7


def test_an_epoch_can_be_reported_again_by_a_second_attempt(make_repository: MakeLedger) -> None:
    repository = make_repository()
    repository.ask()
    repository.report(0, 0, 0.5)
    repository.requeue(0)
    repository.ask()
    repository.report(0, 0, 0.25)
    assert _trials(repository)[0].intermediate_values == {0: 0.25}


def test_a_complete_trial_keeps_its_record_and_what_people_read(
    make_repository: MakeLedger,
) -> None:
    repository = make_repository()
    repository.ask()
    assert repository.baseline() is None
    assert repository.best() is None
    repository.complete(0, _record(rmse=7.0))
    trial = _trials(repository)[0]
    assert trial.state is TrialState.COMPLETE
    assert trial.value == 0.3
    assert trial.user_attrs["rmse"] == 7.0
    assert repository.baseline() == _record(rmse=7.0)
    best = repository.best()
    assert best is not None
    assert (best.number, best.score, best.gradient) == (0, 0.3, 1.0)


def test_a_pruned_trial_keeps_its_last_score_and_is_never_the_best(
    make_repository: MakeLedger,
) -> None:
    repository = make_repository()
    repository.ask()
    repository.report(0, 0, 0.1)
    repository.prune(0, _record())
    trial = _trials(repository)[0]
    assert trial.state is TrialState.PRUNED
    assert trial.value == 0.1
    assert repository.best() is None
    assert repository.baseline() is None


def test_a_failed_trial_keeps_its_reason_and_stays_failed(make_repository: MakeLedger) -> None:
    repository = make_repository()
    repository.ask()
    repository.ask()
    repository.fail(1, "the training diverged")
    trial = _trials(make_repository())[1]
    assert trial.state is TrialState.FAIL
    assert trial.user_attrs[FAILURE] == "the training diverged"


def test_a_baseline_that_failed_is_queued_again(make_repository: MakeLedger) -> None:
    repository = make_repository()
    repository.ask()
    repository.fail(0, "its worker process died")
    heir = make_repository()
    waiting = [trial.number for trial in _trials(heir) if trial.state is TrialState.WAITING]
    assert waiting == [1, 2, 3, 4, 5, 6]
    assert heir.finished() == 0, "a baseline that failed takes nothing from the budget"
    assert [heir.ask().preset for _ in range(6)] == ["baseline", *PLAN[1:]]
    assert _states(make_repository())[TrialState.WAITING] == 6, "and not a third time"


def test_a_study_of_another_configuration_is_refused_with_the_difference(
    make_repository: MakeLedger, tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    make_repository()
    training = tiny_config.training.model_copy(update={"epochs": 3})
    other = tiny_config.model_copy(update={"training": training})
    with pytest.raises(
        StudyError,
        match=r"'tiny' exists with a different configuration: training.epochs is 2 there and 3 "
        "here; choose another name with --study",
    ):
        open_or_create_study(open_database(storage_url, "write"), other, tiny_facts)


def test_a_study_on_other_data_is_refused(
    make_repository: MakeLedger, tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    make_repository()
    origin = tiny_facts.provenance.model_copy(update={"data_sha256": "0" * 64})
    other = tiny_facts.model_copy(update={"provenance": origin})
    with pytest.raises(StudyError, match="the data file has other contents"):
        open_or_create_study(open_database(storage_url, "write"), tiny_config, other)


def test_budget_workers_and_the_place_of_the_data_may_change(
    make_repository: MakeLedger, tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    make_repository()
    tree = tiny_config.model_dump()
    tree["budget"] = {"trials": 99, "timeout": "1h"}
    tree["workers"] = {"count": 7}
    tree["data"]["path"] = "/elsewhere.nc"
    moved = SweepConfig.model_validate(tree)
    open_or_create_study(open_database(storage_url, "write"), moved, tiny_facts)


def test_an_unknown_study_is_named_with_the_nearest(make_repository: MakeLedger) -> None:
    storage = make_repository().study._storage
    assert isinstance(storage, optuna.storages._CachedStorage)
    database = storage._backend
    with pytest.raises(StudyError, match=r"no study 'tinny': did you mean 'tiny'\?"):
        load_study(database, "tinny")


def test_a_trial_keeps_the_version_that_trained_it_and_not_the_studys(
    tiny_config: SweepConfig, tiny_facts: DataSummary, storage_url: str
) -> None:
    study = open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)
    later = tiny_facts.model_copy(
        update={
            "provenance": tiny_facts.provenance.model_copy(update={"git_commit": "a later one"})
        }
    )
    repository = StudyRepository(study, tiny_config, storage_url, later)
    repository.prepare()
    repository.ask()
    repository.complete(0, _record(score=0.1))
    tree = export_tree(study, study.get_trials(deepcopy=False)[0])
    assert tree["exported"]["git_commit"] == "a later one"


def test_a_record_of_another_version_is_named(make_repository: MakeLedger) -> None:
    repository = make_repository()
    repository.ask()
    repository.complete(0, _record(score=0.1))
    trial = _trials(repository)[0]
    trial.user_attrs["record"] = {**trial.user_attrs["record"], "telepathy": 1}
    with pytest.raises(StudyError, match=r"record of trial 0 is of another version .*telepathy"):
        read_record(trial)


def test_a_pruned_second_attempt_has_its_own_score(make_repository: MakeLedger) -> None:
    repository = make_repository()
    for _ in range(7):
        repository.ask()
    for epoch, score in enumerate((0.2, 0.7, 1.2)):
        repository.report(6, epoch, score)
    repository.requeue(6)
    repository.ask()
    repository.report(6, 0, 0.3)
    repository.prune(6, _record().model_copy(update={"epochs": 1}))
    assert _trials(repository)[6].value == pytest.approx(0.3)
