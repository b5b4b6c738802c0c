"""Looking at a study again and again, from the database alone and at little cost.

Of a trial that ended everything is read once: the storage keeps such trials, and nothing here
reads a whole record. A look at a study of a thousand trials then costs what its running ones do.
"""

import math
from datetime import datetime

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.objectives.verdict import Verdict
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.lock_owner import LockOwner
from fieldsharp.storage.maintenance.inspect import DiskSpace, disk_space_of
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.early_stop import settled_verdict
from fieldsharp.sweep.study.formatting import describe, describe_result
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.status.eta import eta_s, seconds_running
from fieldsharp.sweep.study.status.report import coordinator_status
from fieldsharp.sweep.study.status.snapshot import (
    EndedTrial,
    ShownTrial,
    SweepSnapshot,
    TrialAtWork,
)
from fieldsharp.sweep.study.trial_records import (
    CONFIG,
    FAILURE,
    PAUSED_STATE,
    RECORD,
    VERDICT,
    WORKERS,
    best_trial,
    complete_baseline,
    counted,
    read_kept,
    states,
    trial_score,
    trial_spec,
    was_run,
)

LEFT_OUT = "left out, since it was not run by this program"


class StudyWatcher:
    """Looks at one study.

    Args:
        study: To be looked at.
        url: Address of its database.

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
            self._kept_config = study.user_attrs[CONFIG]
        self._seen: set[int] | None = None
        self._what: dict[int, str] = {}

    def look(self) -> SweepSnapshot:
        """Return where the study stands now.

        Raises:
            StorageError: If the database cannot be read.
        """
        # First: what it says last, before it ends, is then seen by the same look.
        holder = study_lock_owner(self._url, self._study.study_name)
        with database_errors(self._url):
            attributes = self._study.user_attrs
            trials = self._study.get_trials(deepcopy=False)
        self._take_up_the_configuration(attributes.get(CONFIG))
        config, facts = self._config, self._facts
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
        best = best_trial(complete)
        baseline = complete_baseline(complete)
        at_work = tuple(self._at_work(trials)) if holder.alive else ()
        done, counts = counted(trials), states(trials)
        kept = attributes.get(VERDICT)
        verdict = read_kept(Verdict, kept, "verdict of the study") if kept else None
        return SweepSnapshot(
            study=self._study.study_name,
            variable=facts.variable,
            units=facts.units,
            targets=facts.targets,
            budget=self._budget,
            done=done,
            states=counts,
            verdict=verdict,
            best=self._shown(best),
            baseline=self._shown(baseline),
            at_work=at_work,
            workers=int(attributes.get(WORKERS, config.workers.count or 0)),
            eta_s=eta_s(
                [
                    float(took_s)
                    for trial in trials
                    if trial.state.is_finished()
                    and was_run(trial)
                    and isinstance(took_s := trial.user_attrs[RECORD].get("seconds"), int | float)
                ],
                [trial.seconds for trial in at_work],
                self._budget - done - counts[PAUSED_STATE],
            ),
            room=check_disk_space(self._url),
            floor_mb=config.recovery.free_space_mb,
            is_run=holder.alive,
            note=self._note(holder, verdict, trials),
            ended=tuple(self._ended(trials)),
        )

    @property
    def _budget(self) -> int:
        return self._config.budget.trials

    def _note(self, holder: LockOwner, verdict: Verdict | None, trials: list[FrozenTrial]) -> str:
        ended = settled_verdict(verdict, self._config.budget, trials, self._facts.targets)
        unfinished = not ended and counted(trials) < self._budget
        name = self._study.study_name
        return coordinator_status(holder, self._url, name, unfinished=unfinished).note

    def _take_up_the_configuration(self, kept: object) -> None:
        """Read the configuration again where somebody has gone on with the study under another."""
        if kept is not None and kept != self._kept_config:
            self._config = read_kept(SweepConfig, kept, "config of the study")
            self._kept_config = kept

    def _at_work(self, trials: list[FrozenTrial]) -> list[TrialAtWork]:
        now = datetime.now()
        found = []
        for trial in trials:
            spec = trial_spec(trial) if trial.state is TrialState.RUNNING else None
            if spec is None:
                continue
            # A former attempt may have reported later epochs than this one has come to: they are
            # trained again from its checkpoint, and look as if they were done.
            last = max(trial.intermediate_values, default=None)
            found.append(
                TrialAtWork(
                    number=trial.number,
                    what=describe(spec),
                    epochs_done=0 if last is None else last + 1,
                    epochs=spec.run.training.epochs,
                    score=None if last is None else trial.intermediate_values[last],
                    seconds=seconds_running(trial, now),
                )
            )
        return found

    def _shown(self, trial: FrozenTrial | None) -> ShownTrial | None:
        if trial is None:
            return None
        return ShownTrial(
            trial.number,
            self._words(trial),
            trial_score(trial),
            float(trial.user_attrs.get("gradient", math.nan)),
            float(trial.user_attrs.get("peak", math.nan)),
        )

    def _words(self, trial: FrozenTrial) -> str:
        if trial.number not in self._what:
            spec = trial_spec(trial)
            self._what[trial.number] = describe(spec) if spec is not None else ""
        return self._what[trial.number]

    def _ended(self, trials: list[FrozenTrial]) -> list[EndedTrial]:
        """Return the trials that ended since the look before; none at the first."""
        there = {trial.number for trial in trials if trial.state.is_finished()}
        new = there - self._seen if self._seen is not None else set()
        self._seen = there
        return [
            EndedTrial(trial.number, trial.state.name, self._words(trial), _outcome(trial))
            for trial in trials
            if trial.number in new
        ]


def check_disk_space(url: str) -> DiskSpace | None:
    """Return how much room there is, None where the disk does not say."""
    try:
        return disk_space_of(url)
    except OSError:
        return None


def _outcome(trial: FrozenTrial) -> str:
    if trial.state is TrialState.FAIL:
        return f"failed, {trial.user_attrs.get(FAILURE, 'no reason was kept')}"
    wrong = [name for name, value in trial.constraints.items() if value > 0]
    if not was_run(trial):
        return LEFT_OUT
    if trial.state is TrialState.COMPLETE:
        return describe_result(trial_score(trial), trial.user_attrs, wrong)
    return f"pruned after epoch {trial.user_attrs[RECORD].get('epochs', 0)}"
