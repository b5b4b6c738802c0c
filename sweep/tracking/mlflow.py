"""Writes a study to MLflow: a run for each trial, below a run of the study."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

# Read when MLflow is imported, or at each request; what the user has set stays.
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder is refused otherwise
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # the process tries again itself

from mlflow.entities import Metric, Param, Run, RunTag, ViewType
from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from fieldsharp.sweep.configuration.tracking import SQLITE, MlflowSettings
from fieldsharp.sweep.tracking.mlflow_database import make_database
from fieldsharp.sweep.tracking.tracker import (
    COMPLETE,
    FAILED,
    PRUNED,
    Epoch,
    Held,
    StudyView,
    TrialView,
)

PREFIX = "fieldsharp."
STUDY, TRIAL, KEY, MARK = (PREFIX + name for name in ("study", "trial", "key", "mark"))
PICTURED = PREFIX + "pictured."
DEFAULT_URI = "sqlite:///mlflow.db"
URI_VARIABLE = "MLFLOW_TRACKING_URI"
STATUS = {COMPLETE: "FINISHED", FAILED: "FAILED", PRUNED: "KILLED", "RUNNING": "RUNNING"}
"""By state of the trial; that of paused and queued ones is SCHEDULED."""
MOST_METRICS, MOST_PARAMETERS, MOST_TAGS = 1000, 100, 100
"""Of one request, as MLflow limits them."""
LONGEST_PARAMETER, LONGEST_TAG = 6000, 5000
RUNS_A_PAGE = 1000
_SCHEME = re.compile(r"(?!file:)[\w+.-]+://|databricks")
"""Of stores that make a run with its tags at once."""
_TRIAL_NAME = re.compile(r"trial-\d{4,}")


class MlflowTracker:
    """Implements ``Tracker``. Its runs are found by tags, never by what this program remembers."""

    def __init__(self, settings: MlflowSettings, study: StudyView) -> None:
        self._uri = settings.uri or os.environ.get(URI_VARIABLE) or DEFAULT_URI
        make_database(self._uri)
        self._client = MlflowClient(tracking_uri=self._uri)
        self._study = study
        self._experiment = self._find_experiment(settings.experiment or study.name)
        self._runs: dict[int, str] = {}
        self._with_parameters: set[int] = set()
        self._parent = ""

    def held(self, study: StudyView) -> dict[int, Held]:
        """Return the trials that have a run; of those without an end the metrics of it."""
        self._parent = self._find_parent()
        by_number: dict[int, list[Run]] = {}
        for run in self._search(f"tags.`{STUDY}` = '{study.identity}'"):
            number = run.data.tags.get(TRIAL, "")
            if number.isdigit():
                by_number.setdefault(int(number), []).append(run)
        found = {}
        for trial, runs in by_number.items():
            run, *doubles = sorted(runs, key=_fullness, reverse=True)
            for double in doubles:
                self._take_out(double.info.run_id, "double: the server answered too late")
            self._runs[trial] = run.info.run_id
            tags = run.data.tags
            found[trial] = held = Held(tags.get(KEY, ""), tags.get(MARK, ""))
            if not held.mark:
                held.points = dict(self._points(run))
        self._remove_half_made()
        return found

    def begin(self, trial: TrialView) -> None:
        """Make the run of a trial; the tag of the study, by which it is found, comes last."""
        tags = {
            MLFLOW_PARENT_RUN_ID: self._parent,
            TRIAL: str(trial.number),
            KEY: trial.key,
            STUDY: self._study.identity,
        }
        run = self._client.create_run(self._experiment, trial.started_ms, tags, trial.name)
        self._runs[trial.number] = run.info.run_id

    def add(self, trial: TrialView, epochs: Sequence[Epoch]) -> None:
        """Log metrics, with the epochs done as their step."""
        run = self._runs[trial.number]
        self._log_parameters(trial)
        metrics = [
            Metric(_name(name), value, epoch.at_ms, epoch.step)
            for epoch in epochs
            for name, value in epoch.metrics.items()
        ]
        for start in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[start : start + MOST_METRICS])

    def change(self, trial: TrialView) -> None:
        """Set the status of the run, the notes and the parameters."""
        self._log_parameters(trial)
        self._tag(self._runs[trial.number], trial.notes)
        self._client.update_run(self._runs[trial.number], STATUS.get(trial.state, "SCHEDULED"))

    def end(self, trial: TrialView) -> None:
        """Set status and notes, and last of all the tag with the mark."""
        run = self._runs[trial.number]
        self._log_parameters(trial)
        self._tag(run, trial.notes)
        self._client.set_terminated(run, STATUS[trial.state], trial.ended_ms)
        self._client.set_tag(run, MARK, trial.mark)

    def set_aside(self, trial: TrialView) -> None:
        """Take the run out of the study by its tag."""
        run = self._runs.pop(trial.number)
        self._with_parameters.discard(trial.number)
        self._take_out(run, f"replaced: {trial.name} was trained anew or is another")

    def pictured(self, study: StudyView) -> Mapping[str, int]:  # noqa: ARG002
        """Return what the tags of the study's run say."""
        tags = self._client.get_run(self._parent).data.tags
        return {
            name.removeprefix(PICTURED): int(number)
            for name, number in tags.items()
            if name.startswith(PICTURED) and number.isdigit()
        }

    def show_study(self, study: StudyView) -> None:
        """Set the facts as tags of the study's run, with verdict and configuration as files."""
        self._tag(self._parent, study.notes)
        self._client.log_text(self._parent, study.verdict or "none yet", "verdict.txt")
        self._client.log_text(self._parent, study.config, "config.json")
        is_finished = all(trial.mark for trial in study.trials)
        self._client.update_run(self._parent, "FINISHED" if is_finished else "RUNNING")

    def show_pictures(self, study: StudyView, pictures: Mapping[str, bytes]) -> None:
        """Log pictures as files of the study's run, in place of earlier ones of the same name."""
        with TemporaryDirectory() as folder:
            for name, png in pictures.items():
                what, _, picture = name.partition("/")
                path = Path(folder) / f"{picture}.png"
                path.write_bytes(png)
                self._client.log_artifact(self._parent, str(path), what)
        for name, number in study.shown.items():
            self._client.set_tag(self._parent, PICTURED + name, str(number))

    def close(self) -> None:
        """Do nothing: each request is whole."""

    def _find_experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            if found.lifecycle_stage != "active":
                raise ValueError(
                    f"experiment {name!r} was deleted in MLflow; restore it, or name another with "
                    "tracking.mlflow.experiment"
                )
            return str(found.experiment_id)
        place = None
        if self._uri.startswith(SQLITE):  # by default MLflow's are in the working folder
            database = Path(self._uri.removeprefix(SQLITE)).absolute()
            place = (database.parent / "mlartifacts" / self._study.identity).as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))

    def _find_parent(self) -> str:
        query = f"tags.`{STUDY}` = '{self._study.identity}' and tags.`{TRIAL}` = 'none'"
        found = next(self._search(query), None)
        if found is not None:
            return str(found.info.run_id)
        tags = {TRIAL: "none", STUDY: self._study.identity}
        started = min((trial.started_ms for trial in self._study.trials), default=None)
        run = self._client.create_run(self._experiment, started, tags, self._study.name[:250])
        return str(run.info.run_id)

    def _take_out(self, run: str, why: str) -> None:
        self._client.set_tag(run, "note", why)
        self._client.set_tag(run, STUDY, f"{self._study.identity} replaced")

    def _remove_half_made(self) -> None:
        """Delete runs whose making was cut off by a kill, which only a folder as store allows."""
        if _SCHEME.match(self._uri):
            return
        for run in self._search("attributes.run_name LIKE 'trial-%'"):
            is_ours = _TRIAL_NAME.fullmatch(run.info.run_name or "") is not None
            is_empty = not run.data.metrics and not run.data.params
            if is_ours and is_empty and STUDY not in run.data.tags:
                self._client.delete_run(run.info.run_id)

    def _search(self, query: str) -> Iterator[Run]:
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], query, ViewType.ACTIVE_ONLY, RUNS_A_PAGE, None, token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _points(self, run: Run) -> Iterator[tuple[tuple[str, int], float]]:
        for name in run.data.metrics:
            for metric in self._client.get_metric_history(run.info.run_id, name):
                yield (name, metric.step), metric.value

    def _log_parameters(self, trial: TrialView) -> None:
        """Log the parameters; those that are there already are taken as they are."""
        if trial.number in self._with_parameters:
            return
        given = [Param(_name(n), _value(v)) for n, v in trial.parameters.items()]
        for start in range(0, len(given), MOST_PARAMETERS):
            some = given[start : start + MOST_PARAMETERS]
            self._client.log_batch(self._runs[trial.number], params=some)
        self._with_parameters.add(trial.number)

    def _tag(self, run: str, notes: Mapping[str, str]) -> None:
        tags = [RunTag(_name(name), text[:LONGEST_TAG]) for name, text in notes.items()]
        for start in range(0, len(tags), MOST_TAGS):
            self._client.log_batch(run, tags=tags[start : start + MOST_TAGS])


def _fullness(run: Run) -> tuple[bool, int]:
    """Return what a run has that its double may lack: its end, and metrics."""
    return MARK in run.data.tags, len(run.data.metrics)


def _name(name: str) -> str:
    """Return a name as MLflow takes it."""
    return re.sub(r"[^\w\-./ ]", "_", name)[:250]


def _value(value: object) -> str:
    return str(value)[:LONGEST_PARAMETER]
