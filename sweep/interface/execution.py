"""Runs work in a process that goes on after it: the user's, often a notebook's."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import torch

from fieldsharp.core.errors import StoppedOnRequest
from fieldsharp.storage.database import opened_to_read
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.interface.progress import shown_progress
from fieldsharp.sweep.results.follow_ups import save_follow_ups
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status


def run_study(config: SweepConfig, url: str, *, quiet: bool, must_exist: bool = False) -> None:
    """Run a sweep until its budget is used or it is interrupted.

    Raises:
        StoppedOnRequest: If it is interrupted before its study was there.
        FieldsharpError: See ``run_sweep``.
    """
    with kernel_settings_kept(), shown_progress(config, quiet=quiet) as progress:
        try:
            run_sweep(config, url, progress.make, must_exist=must_exist)
        except StoppedOnRequest:
            if not progress.is_opened:
                raise
            progress.say("stopped on request; .resume() of the study goes on with it")
            return
    with opened_to_read(url) as storage:
        study = load_study(storage, config.study)
        save_follow_ups(study, url, study_status(study, url).verdict)


@contextmanager
def kernel_settings_kept() -> Iterator[None]:
    """Leave the settings of libraries as they are: the process is the user's, and goes on."""
    verbosity, threads = optuna.logging.get_verbosity(), torch.get_num_threads()
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
        torch.set_num_threads(threads)
