"""Snapshots of a study while another process writes it, from the database alone and at low cost.

Of a trial that ended everything is read once: the storage caches such trials, and nothing here
validates a whole record. A snapshot of a study of a thousand trials costs what its running ones do.
"""

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.maintenance.inspect import DiskSpace, disk_space_of
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.formatting import describe, describe_result
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.status.snapshot import EndedTrial, SweepSnapshot, TrialAtWork
from fieldsharp.sweep.study.status.state import scored_trial, study_state
from fieldsharp.sweep.study.trial_records import (
    CONFIG,
    FACTS,
    FAILURE,
    RECORD,
    VERDICT,
    WORKERS,
    read_stored,
    trial_score,
    trial_spec,
    was_run,
)

LEFT_OUT = "left out, since it was not run by this program"


class StudyWatcher:
    """Takes snapshots of one study.

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
            self._stored_config = study.user_attrs[CONFIG]
        self._finished: set[int] | None = None

    def look(self) -> SweepSnapshot:
        """Return the state of the study now.

        Raises:
            StorageError: If the database cannot be read.
        """
        owner = study_lock_owner(self._url, self._study.study_name)
        with database_errors(self._url):
            attributes = self._study.user_attrs
            trials = self._study.get_trials(deepcopy=False)
        stored_config = attributes.get(CONFIG)
        if stored_config is not None and stored_config != self._stored_config:  # resumed with it
            self._config = read_stored(SweepConfig, stored_config, "config of the study")
            self._stored_config = stored_config
        if not self._facts.targets_known:
            self._facts = read_stored(DataSummary, attributes[FACTS], "facts of the study")
        config, facts = self._config, self._facts
        stored = attributes.get(VERDICT)
        verdict = read_stored(Verdict, stored, "verdict of the study") if stored else None
        name = self._study.study_name
        state = study_state(trials, config, verdict, owner=owner, url=self._url, name=name)
        return SweepSnapshot(
            study=name,
            variable=facts.variable,
            units=facts.units,
            targets=facts.targets if facts.targets_known else None,
            budget=config.budget.trials,
            done=state.done,
            states=state.counts,
            verdict=verdict,
            best=scored_trial(state.best) if state.best else None,
            baseline=scored_trial(state.baseline) if state.baseline else None,
            at_work=tuple(
                _trial_at_work(trial, state.running_s[trial.number])
                for trial in trials
                if trial.number in state.running_s
            ),
            workers=int(attributes.get(WORKERS, config.workers.count or 0)),
            eta_s=state.eta_s,
            room=check_disk_space(self._url),
            floor_mb=config.recovery.free_space_mb,
            is_run=owner.alive,
            note=state.coordinator.note,
            ended=tuple(self._ended(trials)),
        )

    def _ended(self, trials: list[FrozenTrial]) -> list[EndedTrial]:
        """Return the trials that ended since the last snapshot; none at the first."""
        finished = {trial.number for trial in trials if trial.state.is_finished()}
        new = finished - self._finished if self._finished is not None else set()
        self._finished = finished
        return [
            EndedTrial(
                trial.number,
                trial.state.name,
                describe(spec) if (spec := trial_spec(trial)) is not None else "",
                _outcome(trial),
            )
            for trial in trials
            if trial.number in new
        ]


def _trial_at_work(trial: FrozenTrial, seconds: float) -> TrialAtWork:
    spec = trial_spec(trial)
    assert spec is not None, "a trial without one does not count as running"
    # A former attempt may have reported later epochs than this one has trained: they are trained
    # again from its checkpoint, and until then are shown as done.
    last = max(trial.intermediate_values, default=None)
    return TrialAtWork(
        number=trial.number,
        what=describe(spec),
        epochs_done=0 if last is None else last + 1,
        epochs=spec.run.training.epochs,
        score=None if last is None else trial.intermediate_values[last],
        seconds=seconds,
        finds_length=spec.run.training.length == "auto",
    )


def check_disk_space(url: str) -> DiskSpace | None:
    """Return the space on the disk of a database, None where the disk does not answer."""
    try:
        return disk_space_of(url)
    except OSError:
        return None


def _outcome(trial: FrozenTrial) -> str:
    if trial.state is TrialState.FAIL:
        return f"failed, {trial.user_attrs.get(FAILURE, 'no reason was kept')}"
    broken = [name for name, value in trial.constraints.items() if value > 0]
    if not was_run(trial):
        return LEFT_OUT
    if trial.state is TrialState.COMPLETE:
        return describe_result(trial_score(trial), trial.user_attrs, broken)
    return f"pruned after epoch {trial.user_attrs[RECORD].get('epochs', 0)}"
