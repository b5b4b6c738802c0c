"""Calls a function in a process that has loaded torch, so that this one need not."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, NoReturn, TypeVar

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.sweep.execution.leftover_processes import own_mark
from fieldsharp.sweep.execution.local.forked_process import (
    ForkedProcess,
    ForkServer,
    ServerGone,
    wait_for_end,
)

Result = TypeVar("Result")
OURS = "fieldsharp"
END_TIMEOUT_S = 5.0
"""For removing what a call that is interrupted has written so far."""


class NotForked(Exception):
    """No process can be forked for a call."""


class _Remote(Exception):
    """The traceback of an error in the other process, for ``--debug``."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@contextmanager
def called(
    server: ForkServer,
    function: Callable[..., Result],
    *arguments: object,
    meanwhile: Callable[[], None],
) -> Iterator[Result]:
    """Call a function in a fork of the server, and give its result; its log is written here.

    The process is there until the context ends: locks that it holds on files are held as long.

    Args:
        server: Forks the process.
        function: What to call, importable there.
        arguments: Of the call.
        meanwhile: Called here before the result is waited for.

    Raises:
        NotForked: If no process can be forked.
        FieldsharpError: If the process ends without a result.
        Exception: What the function raises.
    """
    levels = logging.getLogger().level, logging.getLogger(OURS).level
    try:
        run = partial(_answer, levels, function, arguments)
        process, pipe = server.fork(run, "checks", own_mark(), at_once=True)
    except ServerGone:
        raise NotForked from None
    with pipe:
        try:
            meanwhile()
            if not process.wait_started():
                raise NotForked
            yield _result(process, pipe)
        except BaseException:
            process.terminate()
            wait_for_end(process, END_TIMEOUT_S)
            raise


def _result(process: ForkedProcess, pipe: Connection) -> Any:
    """Return the result of a call, and write what it logs until then."""
    while True:
        # The process too: a child of it may hold the pipe open.
        wait([pipe, process.sentinel])
        if not pipe.poll():
            break
        try:
            kind, value = pipe.recv()
        except (EOFError, OSError):
            break
        if kind == "log":
            if logging.getLogger(value.name).isEnabledFor(value.levelno):
                logging.getLogger(value.name).handle(value)
        elif kind == "result":
            return value
        else:
            error, told = value
            raise error from _Remote(told)
    wait_for_end(process, END_TIMEOUT_S)
    code = process.exitcode
    how = f"exit code {code}" if code is None or code >= 0 else f"signal {-code}"
    how += ", perhaps out of memory" if code == -signal.SIGKILL else ""
    raise FieldsharpError(
        f"the process that checks the sweep died ({how}); "
        "free some memory, or see what a plug-in does as it is imported"
    )


def _answer(
    levels: tuple[int, int],
    function: Callable[..., object],
    arguments: tuple[object, ...],
    pipe: Connection,
    server_pid: int,  # noqa: ARG001 - it ends with the server, as every fork
) -> None:
    """Run a call in its process: send its log and its result, then wait to be dismissed."""
    _end_on_request()
    _leave_a_core()
    for name, level in zip((None, OURS), levels, strict=True):
        logging.getLogger(name).setLevel(level)
    logging.getLogger().addHandler(_Sending(pipe))
    answer: tuple[str, object]
    try:
        answer = "result", function(*arguments)
    except Exception as error:  # noqa: BLE001 - raised again where the call was made
        answer = "error", (_portable(error), traceback.format_exc())
    except KeyboardInterrupt:
        return
    with suppress(OSError, EOFError, KeyboardInterrupt):
        pipe.send(answer)
        pipe.recv()


def _end_on_request() -> None:
    """Raise an interrupt at SIGTERM, once: what was written is then removed."""

    def interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _leave_a_core() -> None:
    """Compute on all cores but one, on which the server imports what workers need."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - 1))


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent: one of a library or of the user may not."""
    if isinstance(error, FieldsharpError) or type(error).__module__ == "builtins":
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


class _Sending(logging.Handler):
    """Sends the records of a log through a pipe."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe, self._pid = pipe, os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record, formatted."""
        if os.getpid() != self._pid:  # a process that user code forked
            return
        record.msg, record.args = record.getMessage(), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        with suppress(OSError):
            self._pipe.send(("log", record))
