"""What ``start`` and ``resume`` share: the sweep itself, and what is shown when it ends."""

import logging
from pathlib import Path

from optuna.study import Study
from rich.console import Console

from fields.errors import BadInput
from objectives.verdict import PROMISING
from storage.database import database_errors, open_database
from sweep.commands.shown import show_result
from sweep.configuration.settings import SweepConfig
from sweep.results.follow_up import FILE, render_follow_up, write_follow_up
from sweep.running.progress import make_progress
from sweep.running.sweeping import run_sweep
from sweep.study.status import study_status
from sweep.study.studies import load_study

logger = logging.getLogger(__name__)


def run_and_show(
    config: SweepConfig, address: str, *, quiet: bool, console: Console, must_exist: bool = False
) -> None:
    """Run a sweep until its budget is used, and show what it came to.

    Args:
        config: What to sweep.
        address: Of the database.
        quiet: Whether to say only what went wrong.
        console: Where to show it.
        must_exist: Refuse a database that is gone instead of making a new one.

    Raises:
        FieldsharpError: See ``run_sweep``.
    """
    run_sweep(
        config,
        address,
        lambda name, targets, units: make_progress(
            name, targets, units, quiet=quiet, console=console
        ),
        must_exist=must_exist,
    )
    study = load_study(open_database(address, "read"), config.study)
    status = study_status(study, address)
    if not quiet:
        show_result(status, address, console)
    if status.verdict.name == PROMISING:
        _write_follow_up(study, address)


def _write_follow_up(study: Study, address: str) -> None:
    """Leave the narrowed search behind."""
    try:
        with database_errors(address):
            text = render_follow_up(study, study.get_trials(deepcopy=False))
        write_follow_up(text, Path(FILE))
        logger.info("the narrowed search is written to %s", FILE)
    except BadInput as error:  # the sweep is done all the same
        logger.warning("no %s was written: %s", FILE, error)
