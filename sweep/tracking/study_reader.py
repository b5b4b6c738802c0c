"""Reads a study for trackers: from the database, the journal of epochs and the saved previews."""

import json
import logging
import math
import re
from collections.abc import Mapping
from datetime import datetime

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.per_variable import SEPARATOR
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.pictures.study_source import picture_source
from fieldsharp.sweep.pictures.style import LIGHT
from fieldsharp.sweep.pictures.trial_pictures import can_be_drawn, draw
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import study_config, study_data_summary, study_identity
from fieldsharp.sweep.study.trial_records import (
    FAILURE,
    GUARDS_BROKEN,
    VERDICT,
    best_trial,
    complete_baseline,
    counted,
    read_stored,
    state_name,
    trial_record,
    trial_score,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.tracking.epoch_journal import JournalReader
from fieldsharp.sweep.tracking.tracker import FINAL, SCORE, Epoch, StudyView, TrialView
from fieldsharp.sweep.tracking.trial_parameters import parameters, parameters_key

logger = logging.getLogger(__name__)
LOSS = "loss "
PICTURES = ("maps-first-lead", "maps-last-lead", "spectra", "by-lead")
"""Without the curves, which trackers draw, and the frontier, which changes with every trial."""


class StudyReader:
    """Reads one study as it goes on; what has ended is read once.

    Raises:
        StudyError: If it was not started by this program.
        StorageError: If the database cannot be read.
    """

    def __init__(self, study: Study, url: str) -> None:
        self._study = study
        self._url = url
        with database_errors(url):
            self._config = study_config(study)
            self._facts = study_data_summary(study)
            self.identity = study_identity(study)
        self.files = StudyWorkspace(url, self.identity)
        self._journal = JournalReader(self.files.folder / "tracking")
        self._ended: dict[int, TrialView] = {}

    def look(self) -> StudyView:
        """Return the study now.

        Raises:
            StorageError: If the database cannot be read.
        """
        self._journal.read()  # first: of every epoch in it the database then has the score
        with database_errors(self._url):
            attributes = self._study.user_attrs
            trials = self._study.get_trials(deepcopy=False)
            if not self._facts.targets_known:
                self._facts = study_data_summary(self._study)
        stored = attributes.get(VERDICT)
        verdict = read_stored(Verdict, stored, "verdict of the study") if stored else None
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
        shown = {"baseline": complete_baseline(complete), "best": best_trial(complete)}
        provenance = self._facts.provenance
        views = (self._view(trial) for trial in trials)
        return StudyView(
            name=self._study.study_name,
            identity=self.identity,
            verdict=""
            if verdict is None
            else f"{verdict.name}: {verdict.reason}; next: {verdict.next}",
            notes={
                **({"verdict": verdict.name} if verdict is not None else {}),
                **{name: f"trial {t.number}" for name, t in shown.items() if t is not None},
                "variable": self._facts.variable,
                **({"unit": self._facts.units} if self._facts.units else {}),
                "git commit": provenance.git_commit,
                **({"data sha256": provenance.data_sha256} if self._config.has_data else {}),
            },
            config=json.dumps(self._config.model_dump(mode="json"), indent=2),
            done=counted(trials),
            shown={name: trial.number for name, trial in shown.items() if trial is not None},
            trials=[view for view in views if view is not None],
        )

    def pictures(self, of: Mapping[str, int]) -> dict[str, bytes]:
        """Return PNG pictures, such as ``best/spectra``, of trials by what they are shown as.

        Raises:
            StorageError: If the database cannot be read.
        """
        with database_errors(self._url):
            trials = self._study.get_trials(deepcopy=False)
        drawn: dict[str, bytes] = {}
        for name, number in of.items():
            try:
                source = picture_source(trials[number], trials, self._facts, self.files)
            except StudyError as error:
                logger.warning("trial %d: %s", number, error)
                continue
            for picture in PICTURES if source is not None else ():
                if source is not None and can_be_drawn(picture, source):
                    drawn[f"{name}/{picture}"] = draw(picture, source, LIGHT)
        return drawn

    def _view(self, trial: FrozenTrial) -> TrialView | None:
        """Return a trial, None where it was not begun yet, or not by this program."""
        mark = _mark(trial)
        known = self._ended.get(trial.number)
        if known is not None and known.mark == mark:
            return known
        spec = trial_spec(trial)
        if spec is None and (mark == "" or FAILURE not in trial.user_attrs):
            return None
        key = parameters_key(spec, self._config) if spec is not None else "refused"
        started = trial.datetime_start or trial.datetime_complete or datetime.now()
        ended = trial.datetime_complete
        view = TrialView(
            number=trial.number,
            key=key,
            mark=mark,
            state=state_name(trial),
            started_ms=_milliseconds(started),
            ended_ms=_milliseconds(ended) if ended is not None else None,
            parameters=parameters(spec, self._config) if spec is not None else dict(trial.params),
            epochs=self._epochs(trial, key),
            notes=_notes(trial, spec),
        )
        if mark:
            self._ended[trial.number] = view
        return view

    def _epochs(self, trial: FrozenTrial, key: str) -> list[Epoch]:
        """Return the epochs of a trial, each with what is known of it.

        Of an ended trial those of its preview count, where it has one.
        """
        at_end = trial.datetime_complete
        metrics = {
            epoch: (at, dict(values))
            for epoch, (at, values) in self._journal.epochs(trial.number, key).items()
        }
        if at_end is not None:
            for name, values in self._columns(trial.number).items():
                for epoch, value in enumerate(values):
                    of_epoch = metrics.setdefault(epoch, (_milliseconds(at_end), {}))[1]
                    of_epoch[name] = value
        if self._config.trainer is not None:  # a script's losses are its own, and not known
            for _, of_epoch in metrics.values():
                for name in [name for name in of_epoch if name.startswith(LOSS)]:
                    del of_epoch[name]
        scores = trial.intermediate_values
        if at_end is not None and not metrics:
            metrics = {epoch: (_milliseconds(at_end), {}) for epoch in scores}
        for epoch, (_, of_epoch) in metrics.items():
            if epoch in scores:  # against the baseline after as many epochs
                of_epoch[SCORE] = scores[epoch]
        epochs = [Epoch(e + 1, at, _shown(found)) for e, (at, found) in sorted(metrics.items())]
        if at_end is not None and (final := _shown(_final(trial))):
            last = epochs[-1].step if epochs else 0
            final = {f"{FINAL}{name}": value for name, value in final.items()}
            epochs.append(Epoch(last, _milliseconds(at_end), final))
        return epochs

    def _columns(self, number: int) -> Mapping[str, list[float]]:
        """Return the metrics by epoch in the preview of a trial, none where there is none."""
        try:
            preview = self.files.preview(number)
        except (StudyError, OSError) as error:
            logger.warning("trial %d: %s", number, error)
            return {}
        return {} if preview is None else {n: c.tolist() for n, c in preview.epochs.items()}


def _final(trial: FrozenTrial) -> dict[str, float]:
    record = trial_record(trial)
    if record is None:
        return {}
    return {**record.metrics, SCORE: trial_score(trial), "seconds": record.seconds}


def _notes(trial: FrozenTrial, spec: TrialSpec | None) -> dict[str, str]:
    attributes, record = trial.user_attrs, trial_record(trial)
    found = {
        "state": state_name(trial),
        "preset": spec.preset if spec is not None else None,
        "attempts": str(spec.attempt) if spec is not None else None,
        "sharpener": record.sharpener if record is not None else None,  # of the final metrics
        "failure": attributes.get(FAILURE),
        "guards broken": attributes.get(GUARDS_BROKEN),
    }
    return {name: str(value) for name, value in found.items() if value}


def _mark(trial: FrozenTrial) -> str:
    if not trial.state.is_finished() or trial.datetime_complete is None:
        return ""
    return f"{trial.state.name} {trial.datetime_complete.isoformat()}"


def _metric(name: str) -> str:
    """Return a metric's name as every tracker takes it, grouped: ``loss/total``, ``t2m/rmse``."""
    grouped = name.replace(" ", "/", 1) if name.startswith(LOSS) else name.replace(SEPARATOR, "/")
    return re.sub(r"[^\w\-./ ]", "_", grouped)


def _shown(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that are numbers; what is not known is not shown as one."""
    return {_metric(name): float(v) for name, v in metrics.items() if math.isfinite(v)}


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
