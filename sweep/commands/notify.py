"""``--notify``: a command of the user's that is told how long work ended.

It is run once, by the shell, however the work ended: done, stopped, failed, or on an error nobody
expected; not where what was given could not be used, and nothing was begun. What it is told stands
in its environment, never a password among it. It can delay the end, and change nothing about it.
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
from fieldsharp.sweep.commands.exit_codes import WRONG_USE, exit_code, sentence

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
    """What a study has found so far, as a notification tells it; empty where it is not known."""

    verdict: str = ""
    reason: str = ""
    best_trial: str = ""
    best_score: str = ""


class Notification:
    """A notification to come.

    Attributes:
        begun: Whether work was begun: from then on even bad input is an end that is told.
        reason: What a done work came to, in one sentence; None leaves it to the verdict.
    """

    def __init__(self) -> None:
        self.begun = False
        self.reason: str | None = None

    def begin(self) -> None:
        """Note that work is begun."""
        self.begun = True


@contextmanager
def notifying(
    command: str | None, study: str, address: str, look: Callable[[], Findings]
) -> Iterator[Notification]:
    """Run a command when what is done in this context ends.

    Args:
        command: For the shell; None runs nothing.
        study: What is worked on.
        address: Of the database.
        look: Reads what the study has found; what it raises leaves that unknown.

    Yields:
        What is to be told when work is begun.
    """
    notification = Notification()
    try:
        yield notification
    except BaseException as error:
        code = exit_code(error)
        is_over = isinstance(error, Exception | KeyboardInterrupt)
        if command is not None and is_over and (notification.begun or code != WRONG_USE):
            _tell(command, study, address, code, sentence(error), _looked(look))
        raise
    if command is not None:
        findings = _looked(look)
        _tell(command, study, address, 0, notification.reason or findings.reason, findings)


def findings_of(study: str, address: str) -> Findings:
    """Return what a study has found so far.

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


def _looked(look: Callable[[], Findings]) -> Findings:
    try:
        return look()
    except Exception as error:  # the end itself is told, whatever a look comes to
        logger.debug("what the study has found is not known (%r)", error, exc_info=True)
        return Findings()


def _tell(
    command: str, study: str, address: str, code: int, reason: str, findings: Findings
) -> None:
    masking = Masking(address)
    told = {
        "SWEEP_STUDY": study,
        "SWEEP_OUTCOME": OUTCOMES.get(code, "failed"),
        "SWEEP_EXIT_CODE": str(code),
        "SWEEP_VERDICT": findings.verdict,
        "SWEEP_REASON": reason,
        "SWEEP_BEST_TRIAL": findings.best_trial,
        "SWEEP_BEST_SCORE": findings.best_score,
        "SWEEP_STORAGE": address,
    }
    safe = {name: printable(masking(value))[:LONGEST_REASON] for name, value in told.items()}
    try:
        with StopSignals() as stopping:
            wrong = _run(command, {**environment_without_secrets(), **safe}, stopping)
    except OSError as error:
        wrong = f"could not be run ({error.strerror})"
    if wrong is not None:
        logger.warning("the command of --notify %s", wrong)


def _run(command: str, environment: dict[str, str], stopping: StopSignals) -> str | None:
    """Run a command and return what went wrong."""
    began = time.monotonic()

    def interrupt() -> None:
        # Earlier it is one of the signals that ended the work.
        if time.monotonic() - began > BURST_S:
            stopping.ask = _ignore
            raise KeyboardInterrupt

    stopping.ask = interrupt
    # The standard output is for what we say; the command's own goes beside our log. In a group of
    # its own, so that all it started can be ended.
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
    except KeyboardInterrupt:  # whoever asks for the end a second time does not want to wait
        _end(process)
        return "was interrupted"
    return None if code == 0 else f"failed with exit code {code}"


def _ignore() -> None:
    """Take a signal without an effect: the command is being ended already."""


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
