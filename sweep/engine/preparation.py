"""Checks a sweep, in a process that has loaded torch where there is one, and plans its executor."""

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight_result import PreflightResult
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.execution.factory import executor_plan
from fieldsharp.sweep.execution.local.forked_call import NotForked, called
from fieldsharp.sweep.execution.local.forked_process import ForkServer
from fieldsharp.sweep.execution.local.plan import local_plan
from fieldsharp.sweep.execution.script.preflight import require_script
from fieldsharp.sweep.study.shared_data import coordinator_store, removed_on_error

if TYPE_CHECKING:
    from fieldsharp.fields.stored_series.store import SeriesStore

LATER = ("alembic.command", "sqlalchemy.dialects.sqlite", "arch.bootstrap")


@dataclass(frozen=True)
class Preparation:
    """What is known of a sweep before its study is opened.

    Attributes:
        machines: Plan of its executor.
        found: Result of the checks.
        made: Keys of the shared data that the checks wrote.
        checking: Holds the process of the checks, and with it the locks on those data.
    """

    machines: ExecutorPlan
    found: PreflightResult
    made: list[str]
    checking: ExitStack

    def accept(self) -> None:
        """Keep the shared data, which a study uses now."""
        self.made.clear()
        self.checking.close()


@dataclass(frozen=True)
class _Checked:
    """What the checks find in another process; ``gpus`` are those that trainings may use."""

    gpus: int
    found: PreflightResult
    made: list[str]


@contextmanager
def prepared(config: SweepConfig, url: str, server: ForkServer | None) -> Iterator[Preparation]:
    """Check a sweep; shared data that are not accepted are removed if the context fails.

    Args:
        config: Of the sweep.
        url: Address of its database.
        server: Process that has loaded torch; None checks in this one, which then loads it.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If a setting cannot be used, or a device is missing.
    """
    made: list[str] = []
    try:
        with ExitStack() as checking:
            yield _prepare(config, url, server, made, checking)
    except BaseException:
        if made:
            store = coordinator_store(config, url)
            store.made.extend(made)
            store.remove_made()
        raise


def _prepare(
    config: SweepConfig, url: str, server: ForkServer | None, made: list[str], checking: ExitStack
) -> Preparation:
    line = require_script(config) if config.trainer is not None else None
    if server is not None:
        try:
            checked = checking.enter_context(
                called(server, _check, config, url, meanwhile=_import_ahead)
            )
        except NotForked:
            server.close()
        else:
            made += checked.made
            found = replace(checked.found, command_line=line)
            return Preparation(local_plan(config, checked.gpus, server), found, made, checking)
    machines = executor_plan(config)
    store = coordinator_store(config, url)
    with removed_on_error(store):
        found = replace(_find(config, store), command_line=line)
    made += store.made
    return Preparation(machines, found, made, checking)


def _import_ahead() -> None:
    """Import what opening the study and the first verdict need: workers would be idle meanwhile."""
    for module in LATER:
        importlib.import_module(module)


def _check(config: SweepConfig, url: str) -> _Checked:
    from fieldsharp.model.device import count_gpus  # here, because it imports torch

    gpus = count_gpus(config.training)
    store = coordinator_store(config, url)
    with removed_on_error(store):
        return _Checked(gpus, _find(config, store), store.made)


def _find(config: SweepConfig, store: "SeriesStore") -> PreflightResult:
    from fieldsharp.sweep.engine.preflight import preflight_of_script, run_preflight

    if config.trainer is None:
        return run_preflight(config, store)
    return preflight_of_script(config, store)  # what it requires of the script was checked before
