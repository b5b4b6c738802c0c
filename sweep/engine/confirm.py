"""Confirmation: the best trials are compared with new seeds, and the winner alone is tested.

They are compared with the baseline on the validation split. The winner is fixed and stored before
the test split is read, for it, the baseline and the best reference alone.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack

import optuna
from optuna.study import Study

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.core.signals import StopSignals
from fieldsharp.storage.database import close_database, open_database, opened_to_read
from fieldsharp.storage.lock_owner import CONFIRM
from fieldsharp.storage.retry import BUSY_TIMEOUT_S
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.confirmation_plan import ConfirmationPlan, make_plan
from fieldsharp.sweep.engine.seed_trainings import SeedTrainings
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.execution.factory import executor_plan
from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
from fieldsharp.sweep.study.confirmation.records import (
    Confirmation,
    read_winner,
    write_confirmation,
    write_winner,
)
from fieldsharp.sweep.study.confirmation.result_in_words import in_words
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import load_study, study_identity
from fieldsharp.sweep.study.shared_data import coordinator_store
from fieldsharp.sweep.study.verdict import study_verdict

logger = logging.getLogger(__name__)


def confirm_study(
    name: str,
    url: str,
    top: int,
    seeds: int,
    workers: int | None = None,
    plan_executor: Callable[[SweepConfig], ExecutorPlan] = executor_plan,
) -> Confirmation:
    """Train the best configurations and the baseline with new seeds, and test the winner.

    Every finished run is stored at once and not trained again by a later call; a failed one is.

    Args:
        name: Of the study.
        url: Address of its database.
        top: How many configurations, at most, beside the baseline.
        seeds: How many new seeds.
        workers: Trainings at a time; by default as configured.
        plan_executor: Plans the executor of a configuration with that number of workers.

    Raises:
        BadInput: If the study is being run, has nothing to confirm, or its data is not there.
        StoppedOnRequest: If it was interrupted by SIGINT or SIGTERM.
        FieldsharpError: If the database fails, or the baseline with every seed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with StopSignals() as stopping, kill_leftovers():
        try:
            with opened_to_read(url) as looking:
                load_study(looking, name)  # leaves nothing behind if it is not there
            with StudyLock(url, name, CONFIRM) as lock, ExitStack() as stack:
                storage = open_database(url, "write", BUSY_TIMEOUT_S, must_exist=True, lock=lock)
                stack.callback(close_database, storage)
                study = load_study(storage, name)
                plan = make_plan(study, url, top, seeds)
                files = StudyWorkspace(url, study_identity(study), kind="confirm")
                files.make()
                machines = plan_executor(_with_workers(plan.config, workers))
                executor = machines.executor(files.folder)
                try:
                    training = SeedTrainings(
                        study, url, executor, files, plan.config.recovery, lock=lock
                    )
                    stopping.ask = training.request_stop
                    confirmation = _confirm(plan, study, url, training)
                finally:
                    executor.close()
                trials = study.get_trials(deepcopy=False)
                verdict = study_verdict(study, trials, plan.config, plan.facts, confirmation)
                write_confirmation(study, url, confirmation, verdict)
                return confirmation
        except KeyboardInterrupt:
            raise StoppedOnRequest(
                "the confirmation was stopped before any training was started; run the same "
                "command again"
            ) from None


def _confirm(
    plan: ConfirmationPlan, study: Study, url: str, training: SeedTrainings
) -> Confirmation:
    """Compare the trials, fix the winner and test it."""
    runs = training.run(plan.specs(), "validation")
    compared, fixed = plan.compared(runs, read_winner(study))
    if compared.winner is not None:
        write_winner(study, url, fixed)
        runs = training.run(plan.test_specs(fixed), "test")
        tested = plan.tested(fixed, runs, coordinator_store(plan.config, url))
        compared = compared.model_copy(update={"tested": tested})
    training.remove_checkpoints(plan.specs())
    return compared.model_copy(update={"sentence": in_words(compared)})


def _with_workers(config: SweepConfig, count: int | None) -> SweepConfig:
    """Return the configuration with another number of trainings at a time; None leaves it."""
    if count is None:
        return config
    workers = config.workers.model_copy(update={"count": count})
    return config.model_copy(update={"workers": workers})
