"""What ``start`` and ``resume`` share: the sweep itself, and what is shown when it ends."""

import logging
from dataclasses import dataclass
from pathlib import Path

from optuna.study import Study
from rich.console import Console

from fieldsharp.core.errors import BadInput, FieldsharpError
from fieldsharp.objectives.verdict import PROMISING
from fieldsharp.storage.database import open_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.commands.console import can_be_drawn_on, wide_console
from fieldsharp.sweep.commands.exit_codes import WRONG_USE, exit_code
from fieldsharp.sweep.commands.json_output import say_json
from fieldsharp.sweep.commands.notify import findings_of, notifying
from fieldsharp.sweep.commands.status_view import show_result
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.monitoring.live_progress import LiveProgress, OpenedSweep
from fieldsharp.sweep.monitoring.log_progress import LogProgress
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.results.narrowed_search import (
    FILE,
    render_narrowed_search,
    write_narrowed_search,
)
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.warm_start import WarmStart

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Telling:
    """How a person or a script wants to be told of a sweep.

    Attributes:
        quiet: Say only what went wrong.
        as_json: Print where the study stands at the end as JSON, and nothing else there.
        notify: A command to run when the sweep ends.
    """

    quiet: bool = False
    as_json: bool = False
    notify: str | None = None

    @property
    def console(self) -> Console:
        """Where a person is told."""
        return wide_console(stderr=self.as_json)


def run_and_show(
    config: SweepConfig,
    address: str,
    telling: Telling,
    *,
    must_exist: bool = False,
    warm_start: WarmStart | None = None,
) -> None:
    """Run a sweep until its budget is used, and show what it came to.

    Args:
        config: What to sweep.
        address: Of the database.
        telling: How to tell of it.
        must_exist: Refuse a database that is gone instead of making a new one.
        warm_start: What to begin with of an earlier study.

    Raises:
        FieldsharpError: See ``run_sweep``.
    """
    console = telling.console
    with notifying(
        telling.notify, config.study, address, lambda: findings_of(config.study, address)
    ) as notification:

        def progress(sweep: OpenedSweep) -> SilentProgress:
            notification.begin()
            return make_progress(sweep, console, quiet=telling.quiet)

        try:
            run_sweep(config, address, progress, must_exist=must_exist, warm_start=warm_start)
        except FieldsharpError as error:
            if telling.as_json and (notification.begun or exit_code(error) != WRONG_USE):
                _say_where_it_stands(config.study, address)
            raise
        study = load_study(open_database(address, "read"), config.study)
        status = study_status(study, address)
        if telling.as_json:
            say_json(status.as_json())
        elif not telling.quiet:
            show_result(status, address, console)
        if status.verdict.name == PROMISING:
            _write_follow_up(study, address)


def make_progress(sweep: OpenedSweep, console: Console, *, quiet: bool) -> SilentProgress:
    """Return the progress that fits where the output goes."""
    if quiet:
        return SilentProgress(sweep.study, sweep.targets, sweep.units)
    if can_be_drawn_on(console):
        return LiveProgress(sweep, console)
    return LogProgress(sweep.study, sweep.targets, sweep.units)


def _say_where_it_stands(name: str, address: str) -> None:
    """Print what is known where the sweep ended early: the error itself follows on its own way."""
    try:
        study = load_study(open_database(address, "read"), name)
        say_json(study_status(study, address).as_json())
    except FieldsharpError as error:
        logger.warning("where study %s stands cannot be read: %s", name, error)


def _write_follow_up(study: Study, address: str) -> None:
    """Leave the narrowed search behind."""
    try:
        with database_errors(address):
            text = render_narrowed_search(study, study.get_trials(deepcopy=False))
        write_narrowed_search(text, Path(FILE), named=False)
        logger.info("the narrowed search is written to %s", FILE)
    except BadInput as error:  # the sweep is done all the same
        logger.warning("no %s was written: %s", FILE, error)
