"""What trackers hold after kills at any step: each trial once, with each epoch once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fieldsharp.sweep.configuration.tracking import MlflowSettings, TensorBoardSettings
from fieldsharp.sweep.tracking.mirror import Mirror
from fieldsharp.sweep.tracking.mlflow import MARK, TRIAL, MlflowTracker
from fieldsharp.sweep.tracking.tensorboard import TensorBoardTracker
from fieldsharp.sweep.tracking.tracker import Epoch, StudyView, Tracker, TrialView

pytestmark = [
    # MLflow's own use of SQLAlchemy, and its pool, which no method of its client closes.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning"),
]
IDENTITY = "0123456789abcdef"
Points = list[tuple[int, float]]


def trial(number: int, epochs: int, *, ended: bool = False, key: str = "k") -> TrialView:
    found = [Epoch(step, 1000 * step, {"rmse": 1 / step}) for step in range(1, epochs + 1)]
    if ended:
        found.append(Epoch(epochs, 1000 * epochs, {"final/rmse": 1 / epochs}))
    return TrialView(
        number=number,
        key=key,
        mark=f"COMPLETE {number}" if ended else "",
        state="COMPLETE" if ended else "RUNNING",
        started_ms=1000,
        ended_ms=9000 if ended else None,
        parameters={"rate": 0.1, "variant": "sobel"},
        epochs=found,
        notes={"state": "COMPLETE" if ended else "RUNNING"},
    )


def study(*trials: TrialView) -> StudyView:
    return StudyView("tiny", IDENTITY, "stuck: no better", {}, "{}", len(trials), {}, trials)


class Store:
    """A store in a folder, with its tracker and what it holds of a metric, by trial."""

    def __init__(
        self, make: Callable[[], Tracker], read: Callable[[str], Mapping[str, list[Points]]]
    ) -> None:
        self.make = make
        self.read = read


def event_files(folder: Path) -> Store:
    def read(metric: str) -> dict[str, list[Points]]:
        found: dict[str, list[Points]] = {}
        for run in sorted((folder / "tiny").glob("trial-*")):
            accumulator = EventAccumulator(str(run))
            accumulator.Reload()
            is_there = metric in accumulator.Tags()["scalars"]
            events = accumulator.Scalars(metric) if is_there else []
            found.setdefault(run.name, []).append([(e.step, round(e.value, 6)) for e in events])
        return found

    return Store(lambda: TensorBoardTracker(TensorBoardSettings(folder=str(folder)), study()), read)


def mlflow_store(uri: str) -> Store:
    def read(metric: str) -> dict[str, list[Points]]:
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("tiny")
        assert experiment is not None
        query = f"tags.`fieldsharp.study` = '{IDENTITY}' and tags.`{TRIAL}` != 'none'"
        found: dict[str, list[Points]] = {}
        for run in client.search_runs([experiment.experiment_id], query):
            history = client.get_metric_history(run.info.run_id, metric)
            points = sorted((m.step, round(m.value, 6)) for m in history)
            found.setdefault(f"trial-{int(run.data.tags[TRIAL]):04d}", []).append(points)
        return found

    return Store(lambda: MlflowTracker(MlflowSettings(uri=uri), study()), read)


@pytest.fixture(params=["event files", "folder of MLflow", "database of MLflow"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "event files":
        return event_files(tmp_path / "runs")
    if request.param == "folder of MLflow":
        return mlflow_store(str(tmp_path / "mlruns"))
    return mlflow_store(f"sqlite:///{tmp_path / 'mlflow.db'}")


class Killed(BaseException):
    """The process ends here."""


def killed_after(store: Store, shown: StudyView, steps: int) -> bool:
    """Bring a tracker up to date, and end it after so many calls that write; whether it was."""

    class Mortal:
        def __init__(self, tracker: Tracker) -> None:
            self._tracker = tracker
            self._left = steps

        def __getattr__(self, name: str) -> object:
            method = getattr(self._tracker, name)

            def call(*arguments: object) -> object:
                result = method(*arguments)
                if name in ("begin", "add", "change", "end", "show_study"):
                    self._left -= 1
                    if self._left == 0:
                        raise Killed
                return result

            return call

    try:
        Mirror(Mortal(store.make())).update(shown)  # type: ignore[arg-type]
    except Killed:
        return True
    return False


RMSE = [(1, 1.0), (2, 0.5), (3, 0.333333)]


@pytest.mark.slow
def test_kills_at_every_step_leave_no_trial_and_no_epoch_double_or_missing(store: Store) -> None:
    shown = study(trial(0, 3, ended=True), trial(1, 3, ended=True), trial(2, 2))
    steps = 1
    while killed_after(store, shown, steps):
        steps += 1 if steps < 3 else 0
    Mirror(store.make()).update(study(*shown.trials[:2], trial(2, 3, ended=True)))
    names = ["trial-0000", "trial-0001", "trial-0002"]
    assert store.read("rmse") == {n: [RMSE] for n in names}
    assert store.read("final/rmse") == {n: [[(3, 0.333333)]] for n in names}


@pytest.mark.slow
def test_another_trial_of_a_number_has_a_run_of_its_own(store: Store) -> None:
    Mirror(store.make()).update(study(trial(0, 3, ended=True)))
    other = trial(0, 1, key="other")
    Mirror(store.make()).update(study(other))
    assert store.read("rmse") == {"trial-0000": [[(1, 1.0)]]}


@pytest.mark.slow
def test_epochs_that_were_trained_anew_otherwise_replace_the_run(store: Store) -> None:
    Mirror(store.make()).update(study(trial(0, 2)))
    whole = trial(0, 3, ended=True)
    epochs = [replace(whole.epochs[0], metrics={"rmse": 7.0}), *whole.epochs[1:]]
    Mirror(store.make()).update(study(replace(whole, epochs=epochs)))
    assert store.read("rmse") == {"trial-0000": [[(1, 7.0), *RMSE[1:]]]}


def test_a_run_that_was_cut_off_while_it_was_made_is_removed(tmp_path: Path) -> None:
    uri = str(tmp_path / "mlruns")
    store = mlflow_store(uri)
    Mirror(store.make()).update(study(trial(0, 3, ended=True)))
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    client.create_run(experiment.experiment_id, run_name="trial-0001")
    Mirror(store.make()).update(study(trial(0, 3, ended=True), trial(1, 3, ended=True)))
    runs = client.search_runs([experiment.experiment_id], "attributes.run_name = 'trial-0001'")
    assert [run.data.tags[MARK] for run in runs] == ["COMPLETE 1"]


def test_of_runs_that_a_late_answer_of_the_server_made_double_one_stays(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    store = mlflow_store(uri)
    shown = study(trial(0, 3, ended=True), trial(1, 2))
    Mirror(store.make()).update(shown)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id], f"tags.`{TRIAL}` != 'none'"):
        tags = {name: value for name, value in run.data.tags.items() if name != MARK}
        client.create_run(experiment.experiment_id, tags=tags)
    Mirror(store.make()).update(study(shown.trials[0], trial(1, 3, ended=True)))
    assert store.read("rmse") == {"trial-0000": [RMSE], "trial-0001": [RMSE]}
