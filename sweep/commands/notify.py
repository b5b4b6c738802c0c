"""``--notify``: a command of the user that is run when a sweep or a confirmation ends.

The shell runs it once, whether the work is done, stopped or failed, also on an unexpected error; it
is not run if bad input was refused before any work began. The outcome is passed in its environment,
without passwords. It can delay the exit of the program, and does not change its exit code.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

import typer

from fieldsharp.core.printable import printable
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.core.signals import BURST_S, StopSignals
from fieldsharp.storage.location.passwords import Masking
from fieldsharp.sweep.commands.process import WRONG_USE, exit_code, sentence

logger = logging.getLogger(__name__)
LIMIT_S = 60.0
LONGEST_REASON = 4000
OUTCOMES = {0: "done", 3: "stopped"}

Notify = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Run by the shell when the work ends, however it does, once it was begun: "
        "SWEEP_OUTCOME (done, failed, stopped), SWEEP_REASON and others are in its environment.",
    ),
]


@dataclass(frozen=True)
class Findings:
    """Results of a study for a notification; empty strings where unknown."""

    verdict: str = ""
    reason: str = ""
    best_trial: str = ""
    best_score: str = ""


class Notification:
    """State of the work that a notification will report.

    Attributes:
        begun: Whether work has begun: from then on bad input is reported too.
        reason: Result of finished work in one sentence; None takes the verdict's reason.
    """

    def __init__(self) -> None:
        self.begun = False
        self.reason: str | None = None

    def begin(self) -> None:
        """Note that work has begun."""
        self.begun = True


@contextmanager
def notifying(
    command: str | None, study: str, address: str, read_findings: Callable[[], Findings]
) -> Iterator[Notification]:
    """Run a command of the shell, None for none, when the work in this context ends.

    Findings that cannot be read stay unknown. Yields the state to update while working.
    """
    notification = Notification()
    try:
        yield notification
    except BaseException as error:
        code = exit_code(error)
        is_over = isinstance(error, Exception | KeyboardInterrupt)
        if command is not None and is_over and (notification.begun or code != WRONG_USE):
            _notify(command, study, address, code, sentence(error), _read_or_empty(read_findings))
        raise
    if command is not None:
        findings = _read_or_empty(read_findings)
        _notify(command, study, address, 0, notification.reason or findings.reason, findings)


def findings_of(study: str, address: str) -> Findings:
    """Return the results of a study so far.

    Raises:
        FieldsharpError: If it cannot be read.
    """
    from fieldsharp.storage.database import open_database
    from fieldsharp.sweep.study.lookup import load_study
    from fieldsharp.sweep.study.status.report import study_status

    status = study_status(load_study(open_database(address, "read"), study), address)
    best = status.best
    return Findings(
        verdict=status.verdict.name,
        reason=status.verdict.reason,
        best_trial="" if best is None else str(best.trial),
        best_score="" if best is None else f"{best.score:.6g}",
    )


def _read_or_empty(read_findings: Callable[[], Findings]) -> Findings:
    try:
        return read_findings()
    except Exception as error:  # the outcome is reported without the findings
        logger.debug("the findings of the study cannot be read (%r)", error, exc_info=True)
        return Findings()


def _notify(
    command: str, study: str, address: str, code: int, reason: str, findings: Findings
) -> None:
    masking = Masking(address)
    outcome = {
        "SWEEP_STUDY": study,
        "SWEEP_OUTCOME": OUTCOMES.get(code, "failed"),
        "SWEEP_EXIT_CODE": str(code),
        "SWEEP_VERDICT": findings.verdict,
        "SWEEP_REASON": reason,
        "SWEEP_BEST_TRIAL": findings.best_trial,
        "SWEEP_BEST_SCORE": findings.best_score,
        "SWEEP_STORAGE": address,
    }
    safe = {name: printable(masking(value))[:LONGEST_REASON] for name, value in outcome.items()}
    try:
        with StopSignals() as stopping:
            failure = _run(command, {**environment_without_secrets(), **safe}, stopping)
    except OSError as error:
        failure = f"could not be run ({error.strerror})"
    if failure is not None:
        logger.warning("the command of --notify %s", failure)


def _run(command: str, environment: dict[str, str], stopping: StopSignals) -> str | None:
    """Run a command and return what failed, None if it succeeded."""
    began = time.monotonic()

    def interrupt() -> None:
        # Earlier signals belong to the burst that ended the work.
        if time.monotonic() - began > BURST_S:
            stopping.ask = lambda: None  # the command is being ended already
            raise KeyboardInterrupt

    stopping.ask = interrupt
    # Its output goes to stderr, since stdout is for the result of this program. It has a process
    # group of its own, so that all its children can be ended.
    process = subprocess.Popen(  # noqa: S602 - the user's own command, given to this program
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=2,
        stderr=2,
        env=environment,
        start_new_session=True,
    )
    try:
        code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"was ended: it took longer than {LIMIT_S:.0f} s"
    except KeyboardInterrupt:  # a second request to end does not wait for the command
        _end(process)
        return "was interrupted"
    return None if code == 0 else f"failed with exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
