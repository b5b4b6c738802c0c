"""Starts or resumes a sweep: checks everything, opens the study, runs the coordinator."""

import logging
from collections.abc import Callable
from contextlib import ExitStack

import optuna
from optuna.study import Study

from fieldsharp.core.errors import ConfigError, StoppedOnRequest
from fieldsharp.core.signals import StopSignals
from fieldsharp.storage.database import check_storage, close_database, open_database
from fieldsharp.storage.errors.messages import resume_hint
from fieldsharp.storage.lock_owner import RESUME
from fieldsharp.storage.retry import BUSY_TIMEOUT_S, DatabaseRetry
from fieldsharp.storage.study_lock import StudyLock, require_not_running
from fieldsharp.sweep.configuration.execution import seconds
from fieldsharp.sweep.configuration.presets import values_outside
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import misleading_rungs
from fieldsharp.sweep.configuration.training_length import few_epochs, pilot_of, steps_an_epoch
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.engine.preparation import prepared
from fieldsharp.sweep.engine.repeats import repeat_leaders
from fieldsharp.sweep.engine.seed_trainings import SeedTrainings
from fieldsharp.sweep.engine.torch_server import start_torch_server
from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
from fieldsharp.sweep.execution.local.forked_process import ForkServer
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.execution.script.project_snapshot import (
    project_differences,
    project_snapshot,
    save_command_line,
    save_project_snapshot,
)
from fieldsharp.sweep.monitoring.live_progress import OpenedSweep
from fieldsharp.sweep.monitoring.progress import Progress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import (
    open_or_create_study,
    settings_as_begun,
    study_data_summary,
    study_identity,
)
from fieldsharp.sweep.study.observed_truth import OBSERVED
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.shared_data import remove_unused_data
from fieldsharp.sweep.study.status.watcher import StudyWatcher, check_disk_space
from fieldsharp.sweep.study.warm_start import WarmStart, warm_start_of
from fieldsharp.sweep.tracking.packages import require_packages
from fieldsharp.sweep.tracking.trackers import Trackers

logger = logging.getLogger(__name__)
MakeProgress = Callable[[OpenedSweep], Progress]


def run_sweep(
    config: SweepConfig,
    storage_url: str,
    make_progress: MakeProgress,
    *,
    must_exist: bool = False,
    warm_start: WarmStart | None = None,
    server: ForkServer | None = None,
) -> None:
    """Run a sweep until its budget is used.

    Args:
        config: Of the sweep; a study of the same name is resumed if its configuration agrees.
        storage_url: Address of the database.
        make_progress: Makes the progress display of an opened sweep.
        must_exist: Refuse a missing database instead of making a new one.
        warm_start: Trials of an earlier study to start with; None leaves those of the study.
        server: Process that has loaded torch, see ``torch_server``, which is ended; None starts
            one where it can be used.

    Raises:
        BadInput: If a setting, the data or the database cannot be used; no trial was started.
        StoppedOnRequest: If it was interrupted by SIGINT or SIGTERM.
        FieldsharpError: If the database or the baseline fails.
    """
    with StopSignals() as stopping, kill_leftovers():
        server = server or start_torch_server(config)
        try:
            _run(
                config,
                storage_url,
                make_progress,
                stopping,
                server,
                must_exist=must_exist,
                warm_start=warm_start,
            )
        except KeyboardInterrupt:
            raise StoppedOnRequest(
                "the sweep was stopped before any trial was started; run the same command again"
            ) from None
        finally:
            if server is not None:
                server.close()


def _run(
    config: SweepConfig,
    storage_url: str,
    make_progress: MakeProgress,
    stopping: StopSignals,
    server: ForkServer | None,
    *,
    must_exist: bool,
    warm_start: WarmStart | None,
) -> None:
    # Nothing is written before everything is checked: bad data leaves no empty database behind.
    check_storage(storage_url, "write", must_exist=must_exist)
    require_not_running(storage_url, config.study)
    for sentence in (*values_outside(config), *misleading_rungs(config)):
        logger.warning("%s: %s", config.study, sentence)
    require_packages(config.tracking)
    with ExitStack() as stack:
        preparation = stack.enter_context(prepared(config, storage_url, server))
        machines, found = preparation.machines, preparation.found
        config, facts = found.config, found.facts
        if (few := few_epochs(config.training, facts.windows.get("train", 0))) is not None:
            logger.warning("%s: %s", config.study, few)
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # progress reports the same
        lock = stack.enter_context(StudyLock(storage_url, config.study))
        patience = DatabaseRetry(seconds(config.recovery.patience))
        storage = patience.call(
            lambda: open_database(
                storage_url,
                "write",
                BUSY_TIMEOUT_S,
                must_exist=must_exist,
                sole_writer=True,
                lock=lock,
            )
        )

        stack.callback(close_database, storage)  # a notebook goes on after the sweep
        asked = config
        config = patience.call(lambda: settings_as_begun(storage, asked))

        def differ(study: Study) -> list[str]:
            return _project_differs(study, config, storage_url, facts, resumed=must_exist)

        study = patience.call(
            lambda: open_or_create_study(storage, config, facts, warm_start, differ)
        )
        preparation.accept()
        patience.call(lambda: remove_unused_data(storage, storage_url))
        config = _with_length_of(config, warm_start_of(study), facts)
        facts = _facts_as_begun(config, facts, study)
        repository = StudyRepository(study, config, storage_url, facts, patience)
        files = StudyWorkspace(storage_url, study_identity(study))
        files.make()
        _keep_project(config, files, found.command_line)
        if found.observed is not None:
            files.save_observed(found.observed)
        trackers = Trackers(config, storage_url, files.folder)
        executor = machines.executor(files.folder)
        is_stopped = True
        try:
            repository.set_worker_count(machines.workers)
            coordinator = Coordinator(
                repository,
                executor,
                facts,
                make_progress(_opened(study, config, facts, repository)),
                files,
                lock=lock,
                trackers=trackers,
            )
            stopping.ask = coordinator.request_stop
            trackers.start()
            coordinator.run()
            if config.search.repeats == "auto":
                trainings = SeedTrainings(
                    study,
                    storage_url,
                    executor,
                    StudyWorkspace(storage_url, study_identity(study), kind="repeats"),
                    config.recovery,
                    lock=lock,
                    again=resume_hint(storage_url, RESUME, config.study),
                )
                stopping.ask = trainings.request_stop
                repeat_leaders(study, storage_url, config, facts, trainings)
            is_stopped = False
        finally:
            executor.close()
            stopping.ask = trackers.hurry
            trackers.finish(is_stopped=is_stopped)


def _with_length_of(
    config: SweepConfig, start: WarmStart | None, facts: DataSummary
) -> SweepConfig:
    """Return a configuration with the length that an earlier study found.

    Only under a rate that falls: else the baseline finds its own, on these data. The most steps of
    the configuration hold for it too.
    """
    if start is None or start.steps is None or pilot_of(config.training) is None:
        return config
    windows = facts.windows["train"]
    if (config.training.epoch_windows or 0) > windows:  # several passes, too coarse for few steps
        training = config.training.model_copy(update={"epoch_windows": None})
        config = config.model_copy(update={"training": training})
    steps = steps_an_epoch(config.training, windows)
    most = config.training.most_steps or start.steps
    epochs = max(1, round(min(start.steps, most) / steps))
    logger.info(
        "%s: every trial is trained for the %d steps of the baseline of %s%s, in epochs: %d",
        config.study,
        start.steps,
        start.study,
        f", but for at most the {most} of training.most_steps" if start.steps > most else "",
        epochs,
    )
    return config.with_length(epochs)


def _facts_as_begun(config: SweepConfig, facts: DataSummary, study: Study) -> DataSummary:
    """Return the facts of the data, with those that guards and scores use as the study has them."""
    begun = study_data_summary(study)
    kept = {"variation", "linear"}
    if not config.has_data:
        kept |= {"gradient", "peak", *OBSERVED}  # the baseline may have told them
    return facts.model_copy(update={name: getattr(begun, name) for name in kept})


def _keep_project(config: SweepConfig, files: StudyWorkspace, line: CommandLine | None) -> None:
    """Copy the project of a script next to its study.

    Raises:
        ConfigError: If it cannot be read or written.
    """
    if config.trainer is None:
        return
    try:
        save_project_snapshot(config.trainer, project_snapshot(files.folder))
        if line is not None:
            save_command_line(line, files.folder)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be copied ({error.strerror}), and the project is kept with "
            "the study; make room, or name it under trainer.leave_out"
        ) from error


def _project_differs(
    study: Study, config: SweepConfig, url: str, facts: DataSummary, *, resumed: bool
) -> list[str]:
    """Return how the project of a script differs from its copy next to the study."""
    if config.trainer is None:
        return []
    kept = project_snapshot(StudyWorkspace(url, study_identity(study)).folder)
    try:
        if kept.is_dir():
            return project_differences(config.trainer, kept, config.study, resumed=resumed)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or kept} cannot be read ({error.strerror}), and the project is kept "
            "with the study there; make it readable"
        ) from error
    there = study_data_summary(study).provenance.project_sha256
    if there != facts.provenance.project_sha256:
        return ["the Python files of trainer.project have other contents"]
    return []


def _opened(
    study: Study, config: SweepConfig, facts: DataSummary, repository: StudyRepository
) -> OpenedSweep:
    """Return what the progress display needs of a sweep."""
    url, patience = repository.url, repository.patience
    return OpenedSweep(
        study=config.study,
        targets=facts.targets,
        units=facts.units,
        read_snapshot=lambda: patience.call(lambda: StudyWatcher(study, url).look()),
        read_disk_space=lambda: check_disk_space(url),
    )
