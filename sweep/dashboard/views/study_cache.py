"""The JSON of one study: every finished trial is serialised once, since it no longer changes."""

import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from optuna_dashboard._inmemory_cache import InMemoryCache, get_cached_extra_study_property
from optuna_dashboard._serializer import (
    serialize_attrs,
    serialize_frozen_trial,
    serialize_study_detail,
)

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.optuna_adapter.internals import FrozenStudy, id_of_study, id_of_trial
from fieldsharp.sweep.dashboard.views.attributes import (
    parse_trial,
    study_attributes,
    trial_attributes,
)
from fieldsharp.sweep.dashboard.views.notes import note_picture, output_note, study_note, trial_note
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.status.report import front, study_status
from fieldsharp.sweep.study.trial_records import (
    FACTS,
    IDENTITY,
    TrialRecord,
    best_trial,
    by_score,
    complete_baseline,
)

logger = logging.getLogger(__name__)
NOTE_MAX_AGE_S = 5.0
"""Age at which the note of a study is made anew: it is made from every trial."""
LARGE = 100
"""Number of trials above which a study is large."""
LINES = 15
"""Number of the best trials, and of the newest, whose epochs are sent for a large study."""
_EDITED = re.compile(r"dashboard:(?:artifacts:)?(\d+):")


@dataclass(frozen=True)
class _TrialJson:
    """A trial as JSON.

    Attributes:
        body: All but its scores by epoch, without the last bracket.
        steps: Its scores by epoch.
    """

    body: bytes
    steps: bytes

    def json(self, *, with_steps: bool) -> bytes:
        """Return the complete object."""
        return b'%s,"intermediate_values":%s}' % (self.body, self.steps if with_steps else b"[]")


class StudyCache:
    """One study, with every finished trial serialised once. Not safe to use from several threads.

    Raises:
        ValidationError: If another version of this program wrote the study.
    """

    def __init__(self, storage: BaseStorage, url: str, study: FrozenStudy) -> None:
        self.identity = study.user_attrs.get(IDENTITY)
        self._storage = storage
        self._url = url
        self._summary = DataSummary.model_validate(study.user_attrs[FACTS])
        self._search_space = InMemoryCache()
        self._finished: dict[int, _TrialJson] = {}
        self._attributes: dict[str, bool] = {}
        self._baseline: TrialRecord | None = None
        self._note = ""
        self._note_trials: int | None = None
        self._note_made_s = 0.0

    def as_json(self, study: FrozenStudy, after: int) -> bytes:
        """Return the study with its trials from number ``after`` on."""
        study_id = id_of_study(study)
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        if not self._summary.targets_known:
            self._summary = DataSummary.model_validate(study.user_attrs[FACTS])
        if self._baseline is None:
            baseline = complete_baseline(trials)
            self._baseline = None if baseline is None else parse_trial(baseline).record
        edited = _edited(study.system_attrs)
        by_number = {t.number: self._trial(study, t, edited.get(id_of_trial(t))) for t in trials}
        best = [trial.number for trial in _best(study, trials)]
        with_steps = {*_with_steps(trials), *best}
        tree = self._without_trials(study, trials)
        parts = {
            "trials": [
                trial.json(with_steps=number in with_steps)
                for number, trial in by_number.items()
                if number >= after
            ],
            "best_trials": [by_number[number].json(with_steps=True) for number in best],
        }
        lists = [b'"%s":[%s]' % (name.encode(), b",".join(part)) for name, part in parts.items()]
        return b"%s,%s}" % (json.dumps(tree).encode()[:-1], b",".join(lists))

    def _without_trials(self, study: FrozenStudy, trials: list[FrozenTrial]) -> dict[str, Any]:
        intersection, union, _, has_steps = get_cached_extra_study_property(
            self._search_space, id_of_study(study), trials
        )
        graphs = get_plotly_graph_objects(study.system_attrs)
        tree: dict[str, Any] = serialize_study_detail(
            study, [], [], intersection, union, [], has_steps, graphs, []
        )
        del tree["trials"], tree["best_trials"]
        tree["user_attrs"] = serialize_attrs(study_attributes(study, self._summary))
        tree["union_user_attrs"] = [
            {"key": name, "sortable": is_number} for name, is_number in self._attributes.items()
        ]
        if not tree["note"]["body"]:  # a note that a person wrote is left alone
            tree["note"] = {**tree["note"], "body": self._study_note(study, trials)}
        return tree

    def _trial(
        self, study: FrozenStudy, trial: FrozenTrial, edited: Mapping[str, Any] | None
    ) -> _TrialJson:
        if edited is None and id_of_trial(trial) in self._finished:
            return self._finished[id_of_trial(trial)]
        parsed = parse_trial(trial)
        bound = StudyFrontier.of(self._baseline)
        attributes = trial_attributes(parsed, self._summary, bound)
        tree = serialize_frozen_trial(id_of_study(study), trial, edited or {})
        tree["user_attrs"] = serialize_attrs(attributes)
        # The page identifies constraints by position: always all of them, in one order.
        constraints = trial.constraints
        tree["constraints"] = [constraints[name] for name in sorted(constraints)]
        if not tree["note"]["body"]:
            picture = note_picture(id_of_study(study), id_of_trial(trial), tree["artifacts"])
            note = trial_note(parsed, self._summary, self._baseline, picture)
            if parsed.spec is not None and parsed.spec.run.trainer is not None:
                note += output_note(self._output(trial.number))
            tree["note"] = {**tree["note"], "body": note}
        for name, value in attributes.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            self._attributes[name] = self._attributes.get(name, True) and is_number
        steps = json.dumps(tree.pop("intermediate_values")).encode()
        serialised = _TrialJson(json.dumps(tree).encode()[:-1], steps)
        # Before the baseline is complete a note has no values to compare with.
        if edited is None and trial.state.is_finished() and self._baseline is not None:
            self._finished[id_of_trial(trial)] = serialised
        return serialised

    def _output(self, number: int) -> str:
        try:
            return StudyWorkspace(self._url, str(self.identity)).output(number)
        except ConfigError as error:
            # Other users can write to the folder: everything else is still shown.
            logger.warning("%s", error)
            return ""

    def _study_note(self, study: FrozenStudy, trials: list[FrozenTrial]) -> str:
        now_s = time.monotonic()
        finished = sum(trial.state.is_finished() for trial in trials)
        if self._note_trials != finished or now_s - self._note_made_s > NOTE_MAX_AGE_S:
            loaded = optuna.load_study(study_name=study.study_name, storage=self._storage)
            self._note = study_note(study_status(loaded, self._url), self._url)
            self._note_trials, self._note_made_s = finished, now_s
        return self._note


def _edited(attributes: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the study attributes with notes and artifacts that people added, by trial id.

    Optuna's dashboard searches all of them for every trial.
    """
    by_trial: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        match = _EDITED.match(name)
        if match:
            by_trial.setdefault(int(match[1]), {})[name] = value
    return by_trial


def _with_steps(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the trials whose scores by epoch are sent: of a large study the best and the newest.

    The page draws a line for each, which takes seconds, and so many lines look alike.
    """
    if len(trials) <= LARGE:
        return {trial.number for trial in trials}
    ranked = by_score(trials)
    unfinished = {trial.number for trial in trials if not trial.state.is_finished()}
    return {trial.number for trial in (*ranked[:LINES], *trials[-LINES:])} | unfinished


def _best(study: FrozenStudy, trials: list[FrozenTrial]) -> Sequence[FrozenTrial]:
    """Return the best trial, or the Pareto front: never a trial that breaks a guard."""
    if len(study.directions) > 1:
        return front(trials)
    best = best_trial(trials)
    return [] if best is None else [best]
