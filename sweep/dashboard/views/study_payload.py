"""What the dashboard's page of a study is made of: cached, readable, and with its guards.

The stock page knows no constraints of Optuna 5, so its best trial may break a guard; it shows
attributes as cut JSON; and it is put together anew, from the database, at every look. Finished
trials do not change, so here each is written once.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from optuna_dashboard._inmemory_cache import InMemoryCache, get_cached_extra_study_property
from optuna_dashboard._serializer import (
    serialize_attrs,
    serialize_frozen_trial,
    serialize_study_detail,
)
from pydantic import ValidationError

from fieldsharp.core.errors import ConfigError, FieldsharpError, StudyError
from fieldsharp.storage.optuna_adapter.internals import FrozenStudy, id_of_study, id_of_trial
from fieldsharp.sweep.dashboard.views.csv_export import study_csv
from fieldsharp.sweep.dashboard.views.notes import NotePicture, output_note, study_note, trial_note
from fieldsharp.sweep.dashboard.views.trial_attributes import attributes, read_trial
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.artifacts import PICTURES, picture_of
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.status.report import front, study_status
from fieldsharp.sweep.study.trial_records import (
    CONFIG,
    FACTS,
    IDENTITY,
    VERDICT,
    TrialRecord,
    best_trial,
    complete_baseline,
    trial_score,
)

logger = logging.getLogger(__name__)
NOTE_EVERY_S = 5.0
"""How old the note of a study may be: it is made from every trial there is."""
LARGE = 100
"""Trials beyond which a study is large."""
LINES = 15
"""Of a large study so many of the best trials, and of the newest, have their epochs drawn."""
_EDITED = re.compile(r"dashboard:(?:artifacts:)?(\d+):")


class StudyPayload:
    """Answers what the page of a study asks for. Safe to use from several threads.

    Args:
        storage: Of the studies; one that remembers finished trials.
        url: Its address.
    """

    def __init__(self, storage: BaseStorage, url: str) -> None:
        self._storage = storage
        self._url = url
        self._pages: dict[int, _Page] = {}
        self._lock = threading.Lock()

    def detail(self, study_id: int, after: int) -> bytes | None:
        """Return a study with its trials from a number on, as JSON.

        Args:
            study_id: Optuna's own number of it.
            after: First trial wanted.

        Returns:
            None where the study is not one of this program, or of another version of it.
        """
        with self._lock:
            study = self._study(study_id)
            if study is None:
                return None
            try:
                return self._page(study).as_json(study, after)
            except (StudyError, ValidationError):
                return None

    def csv(self, study_id: int, numbers: Collection[int] | None) -> str | None:
        """Return a study as a table.

        Args:
            study_id: Optuna's own number of it.
            numbers: Trials wanted; None for all.

        Returns:
            None where the study is not one of this program, or of another version of it.
        """
        study = self._study(study_id)
        if study is None:
            return None
        try:
            trials = self._storage.get_all_trials(study_id, deepcopy=False)
            return study_csv(study, trials, numbers)
        except (StudyError, ValidationError):
            return None

    def read_ahead(self) -> None:
        """Read every study, so that the first look at one is quick."""
        try:
            studies = self._storage.get_all_studies()
            for study in studies:
                self.detail(id_of_study(study), after=0)
        except (OptunaError, FieldsharpError, KeyError) as error:
            # A study that was deleted meanwhile, a database that is away: whoever looks is told.
            logger.debug("nothing was read ahead (%s)", error)

    def _study(self, study_id: int) -> FrozenStudy | None:
        """Return a study of this program."""
        for study in self._storage.get_all_studies():
            if id_of_study(study) == study_id and {CONFIG, FACTS} <= study.user_attrs.keys():
                return study
        return None

    def _page(self, study: FrozenStudy) -> "_Page":
        page = self._pages.get(id_of_study(study))
        # A database that was put back or made anew may hold another study under that number.
        if page is None or page.identity != study.user_attrs.get(IDENTITY):
            page = _Page(self._storage, self._url, study)
            self._pages[id_of_study(study)] = page
        return page


@dataclass(frozen=True)
class _Written:
    """A trial as JSON.

    Attributes:
        body: All but its scores by epoch, without the last bracket.
        steps: Those.
    """

    body: bytes
    steps: bytes

    def json(self, *, with_steps: bool) -> bytes:
        """Return the whole."""
        return b'%s,"intermediate_values":%s}' % (self.body, self.steps if with_steps else b"[]")


class _Page:
    """One study, with every finished trial as it was written once."""

    def __init__(self, storage: BaseStorage, url: str, study: FrozenStudy) -> None:
        self.identity = study.user_attrs.get(IDENTITY)
        self._storage = storage
        self._url = url
        self._facts = DataSummary.model_validate(study.user_attrs[FACTS])
        self._seen = InMemoryCache()
        self._written: dict[int, _Written] = {}
        self._attributes: dict[str, bool] = {}
        self._baseline: TrialRecord | None = None
        self._note = ""
        self._note_of: object = None
        self._note_at = 0.0

    def as_json(self, study: FrozenStudy, after: int) -> bytes:
        study_id = id_of_study(study)
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        if self._baseline is None:
            baseline = complete_baseline(trials)
            self._baseline = None if baseline is None else read_trial(baseline).record
        edited = _edited(study.system_attrs)
        written = {t.number: self._trial(study, t, edited.get(id_of_trial(t))) for t in trials}
        best = [trial.number for trial in _best(study, trials)]
        with_steps = {*_with_steps(trials), *best}
        tree = self._without_trials(study, trials)
        parts = {
            "trials": [
                whole.json(with_steps=number in with_steps)
                for number, whole in written.items()
                if number >= after
            ],
            "best_trials": [written[number].json(with_steps=True) for number in best],
        }
        lists = [b'"%s":[%s]' % (name.encode(), b",".join(part)) for name, part in parts.items()]
        return b"%s,%s}" % (json.dumps(tree).encode()[:-1], b",".join(lists))

    def _without_trials(self, study: FrozenStudy, trials: list[FrozenTrial]) -> dict[str, Any]:
        intersection, union, _, has_steps = get_cached_extra_study_property(
            self._seen, id_of_study(study), trials
        )
        graphs = get_plotly_graph_objects(study.system_attrs)
        tree: dict[str, Any] = serialize_study_detail(
            study, [], [], intersection, union, [], has_steps, graphs, []
        )
        del tree["trials"], tree["best_trials"]
        tree["user_attrs"] = serialize_attrs(_study_attributes(study, self._facts))
        tree["union_user_attrs"] = [
            {"key": name, "sortable": is_number} for name, is_number in self._attributes.items()
        ]
        if not tree["note"]["body"]:  # a person's own is left alone
            tree["note"] = {**tree["note"], "body": self._study_note(study, trials)}
        return tree

    def _trial(
        self, study: FrozenStudy, trial: FrozenTrial, edited: Mapping[str, Any] | None
    ) -> "_Written":
        if edited is None and id_of_trial(trial) in self._written:
            return self._written[id_of_trial(trial)]
        read = read_trial(trial)
        shown = attributes(read, self._facts)
        tree = serialize_frozen_trial(id_of_study(study), trial, edited or {})
        tree["user_attrs"] = serialize_attrs(shown)
        # Positions tell them apart there: always all, in one order.
        constraints = trial.constraints
        tree["constraints"] = [constraints[name] for name in sorted(constraints)]
        if not tree["note"]["body"]:
            picture = _most_telling(id_of_study(study), id_of_trial(trial), tree["artifacts"])
            note = trial_note(read, self._facts, self._baseline, picture)
            if read.spec is not None and read.spec.run.trainer is not None:
                note += output_note(self._output(trial.number))
            tree["note"] = {**tree["note"], "body": note}
        self._note_attributes(shown)
        steps = json.dumps(tree.pop("intermediate_values")).encode()
        written = _Written(json.dumps(tree).encode()[:-1], steps)
        # Before the baseline is complete a note has nothing to compare with.
        if edited is None and trial.state.is_finished() and self._baseline is not None:
            self._written[id_of_trial(trial)] = written
        return written

    def _output(self, number: int) -> str:
        try:
            return StudyWorkspace(self._url, str(self.identity)).output(number)
        except ConfigError as error:  # a folder that may not be used: all else is still shown
            logger.warning("%s", error)
            return ""

    def _note_attributes(self, shown: Mapping[str, Any]) -> None:
        for name, value in shown.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            self._attributes[name] = self._attributes.get(name, True) and is_number

    def _study_note(self, study: FrozenStudy, trials: list[FrozenTrial]) -> str:
        now = time.monotonic()
        ended = sum(trial.state.is_finished() for trial in trials)
        if self._note_of != ended or now - self._note_at > NOTE_EVERY_S:
            found = optuna.load_study(study_name=study.study_name, storage=self._storage)
            self._note = study_note(study_status(found, self._url), self._url)
            self._note_of, self._note_at = ended, now
        return self._note


def _most_telling(
    study_id: int, trial_id: int, artifacts: Sequence[Mapping[str, str]]
) -> NotePicture | None:
    """Return the maps of the last lead, where blur is worst; None where there are no maps."""
    for name in ("maps-last-lead", "maps-first-lead"):
        for meta in artifacts:
            found = picture_of(meta["artifact_id"])
            if found is not None and found.picture == name:
                path = f"/artifacts/{study_id}/{trial_id}/{meta['artifact_id']}"
                return NotePicture(path, PICTURES[found.picture])
    return None


def _edited(attributes: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return what was written to notes and artifacts of each trial by hand, by its number.

    Optuna's dashboard looks through all of it for every trial.
    """
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        match = _EDITED.match(name)
        if match:
            found.setdefault(int(match[1]), {})[name] = value
    return found


def _with_steps(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the trials whose scores by epoch are sent: of a large study the best and the newest.

    The page draws a line for each, which nobody can tell apart any more, and takes seconds for it.
    """
    if len(trials) <= LARGE:
        return {trial.number for trial in trials}
    ranked = sorted(trials, key=lambda trial: (trial_score(trial), trial.number))
    unfinished = {trial.number for trial in trials if not trial.state.is_finished()}
    return {trial.number for trial in (*ranked[:LINES], *trials[-LINES:])} | unfinished


def _best(study: FrozenStudy, trials: list[FrozenTrial]) -> Sequence[FrozenTrial]:
    """Return the trials that win: never one that breaks a guard."""
    if len(study.directions) > 1:
        return front(trials)
    best = best_trial(trials)
    return [] if best is None else [best]


def _observed(value: float | None) -> str:
    return "observed is not known" if value is None else f"observed {value:.4g}"


def _study_attributes(study: FrozenStudy, facts: DataSummary) -> dict[str, Any]:
    unit = f" {facts.units}" if facts.units else ""
    verdict = study.user_attrs.get(VERDICT) or {}
    return {
        "verdict": str(verdict.get("name", "none yet")),
        "field": f"{facts.variable} [{facts.units}]" if facts.units else facts.variable,
        "gradient wanted": f"{facts.gradient.low:.4g} to {facts.gradient.high:.4g}{unit} per cell, "
        f"{_observed(facts.gradient_observed)}",
        "peak wanted": f"{facts.peak.low:.4g} to {facts.peak.high:.4g}{unit}, "
        f"{_observed(facts.peak_observed)}",
        "windows": ", ".join(f"{part} {count}" for part, count in facts.windows.items()),
        "commit": facts.provenance.git_commit,
        "data (SHA-256)": facts.provenance.data_sha256,
    }
