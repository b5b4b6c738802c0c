"""A sweep of ours, opened as ``start`` opens it, on an executor of the benchmark's."""

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.study import Study

from fieldsharp.storage.database import open_database
from fieldsharp.storage.retry import BUSY_TIMEOUT_S
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.execution.executor import Executor
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_identity
from fieldsharp.sweep.study.repository import StudyRepository


@contextmanager
def opened_sweep(
    config: SweepConfig, url: str, facts: DataSummary, executor: Executor
) -> Iterator[tuple[Study, Coordinator]]:
    """Hold a study's lock; yield the study and a coordinator that has not begun.

    Args:
        config: The sweep.
        url: Address of its database, which is made where it is missing.
        facts: Of its data.
        executor: What runs its trials.
    """
    with StudyLock(url, config.study):
        storage = open_database(url, "write", BUSY_TIMEOUT_S, sole_writer=True)
        study = open_or_create_study(storage, config, facts)
        files = StudyWorkspace(url, study_identity(study))
        files.make()
        progress = SilentProgress(config.study, facts.targets, facts.units)
        repository = StudyRepository(study, config, url, facts)
        yield study, Coordinator(repository, executor, facts, progress, files)
