"""Runs a sweep for ``start`` and ``resume``, and shows its progress and its result."""

import logging
from dataclasses import dataclass

from rich.console import Console

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.commands.console import can_redraw, wide_console
from fieldsharp.sweep.commands.notify import findings_of, notifying
from fieldsharp.sweep.commands.printing import say_json
from fieldsharp.sweep.commands.process import WRONG_USE, exit_code
from fieldsharp.sweep.commands.status_view import show_result
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.execution.local.forked_process import ForkServer
from fieldsharp.sweep.monitoring.live_progress import LiveProgress, OpenedSweep
from fieldsharp.sweep.monitoring.progress import LogProgress, SilentProgress
from fieldsharp.sweep.results.follow_ups import save_follow_ups
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.warm_start import WarmStart

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OutputOptions:
    """Output of a sweep, as chosen on the command line.

    Attributes:
        quiet: Print only warnings and errors.
        as_json: Print the state of the study at the end as JSON, and nothing else on stdout.
        notify: A command to run when the sweep ends.
    """

    quiet: bool = False
    as_json: bool = False
    notify: str | None = None

    @property
    def console(self) -> Console:
        """The console for progress and result."""
        return wide_console(stderr=self.as_json)


def run_and_show(
    config: SweepConfig,
    address: str,
    output: OutputOptions,
    *,
    must_exist: bool = False,
    warm_start: WarmStart | None = None,
    server: ForkServer | None = None,
) -> None:
    """Run a sweep until its budget is used, and show its result.

    A missing database is created unless it ``must_exist``; ``server`` is a process that loads torch
    meanwhile, see ``run_sweep``.

    Raises:
        FieldsharpError: See ``run_sweep``.
    """
    console = output.console
    with notifying(
        output.notify, config.study, address, lambda: findings_of(config.study, address)
    ) as notification:

        def progress(sweep: OpenedSweep) -> SilentProgress:
            notification.begin()
            return make_progress(sweep, console, quiet=output.quiet)

        try:
            run_sweep(
                config,
                address,
                progress,
                must_exist=must_exist,
                warm_start=warm_start,
                server=server,
            )
        except FieldsharpError as error:
            if output.as_json and (notification.begun or exit_code(error) != WRONG_USE):
                _print_status(config.study, address)
            raise
        study = load_study(open_database(address, "read"), config.study)
        status = study_status(study, address)
        if output.as_json:
            say_json(status.as_json())
        elif not output.quiet:
            show_result(status, address, console)
        save_follow_ups(study, address, status.verdict)


def make_progress(sweep: OpenedSweep, console: Console, *, quiet: bool) -> SilentProgress:
    """Return the progress for a terminal, a stream of lines, or none."""
    if quiet:
        return SilentProgress(sweep.study, sweep.targets, sweep.units)
    if can_redraw(console):
        return LiveProgress(sweep, console)
    return LogProgress(sweep.study, sweep.targets, sweep.units)


def _print_status(name: str, address: str) -> None:
    """Print the status as JSON after a sweep that failed; the error is printed separately."""
    try:
        study = load_study(open_database(address, "read"), name)
        say_json(study_status(study, address).as_json())
    except FieldsharpError as error:
        logger.warning("the state of study %s cannot be read: %s", name, error)
