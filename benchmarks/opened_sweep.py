"""A sweep of ours, opened as ``start`` opens it, on an executor of the benchmark's."""

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.study import Study

from storage.database import open_database
from storage.patience import BUSY_TIMEOUT_S
from storage.study_lock import StudyLock
from sweep.configuration.settings import SweepConfig
from sweep.running.coordinator import Coordinator
from sweep.running.executor import Executor
from sweep.running.progress import SilentProgress
from sweep.running.study_files import StudyFiles
from sweep.study.facts import StudyFacts
from sweep.study.ledger import Ledger
from sweep.study.studies import open_or_create_study, study_identity


@contextmanager
def opened_sweep(
    config: SweepConfig, url: str, facts: StudyFacts, executor: Executor
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
        files = StudyFiles(url, study_identity(study))
        files.make()
        progress = SilentProgress(config.study, facts.targets, facts.units)
        ledger = Ledger(study, config, url, facts)
        yield study, Coordinator(ledger, executor, facts, progress, files)
