"""The error in what a script printed: the line that names it, and the lines that show it."""

import re
from dataclasses import dataclass

from fieldsharp.sweep.study.formatting import last_lines

SHOWN_LINES = 20
LONGEST = 300
"""Characters of the line that names the error."""
NEAR_THE_END = 20
"""Lines within which an error is why a script ended that caught it."""
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
TRACEBACK = re.compile(
    r"^[ +|]*(?:Exception Group )?(?:Original )?Traceback \(most recent call last\):"
)
ERROR = re.compile(
    r"^[ |]*((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Group|Timeout))"
    r"(?::\s.*|:)?$"
)
ANY_ERROR = re.compile(r"^[ |]*(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::\s.*)?$")
"""What ends a traceback, whatever the exception is called."""
NOT_THE_END = ("Exception ignored in", "--- Logging error ---", "Exception ignored while")
CAUSE = "The above exception was the direct cause of the following exception:"
FATAL = re.compile(
    r"^(?:Fatal Python error: .*|terminate called .*|\s+what\(\): .*|Killed|Segmentation fault.*"
    r"|Aborted.*|.*: error: .*|Could not override .*|Could not find .*|Key '.*' is not in struct"
    r"|Missing mandatory value: .*|.*CUDA out of memory.*)$"
)
"""Errors beside exceptions, of Python, C++, a shell, argparse and Hydra."""
HINTS = ("Set the environment variable HYDRA_FULL_ERROR=1",)
"""Lines that follow an error and say nothing of it."""
HYDRA_JOB = "Error executing job with overrides:"
"""Before what Hydra prints of an error: a traceback, or of an object that it makes the message."""


@dataclass(frozen=True)
class PrintedError:
    """An error in an output.

    Attributes:
        line: That names it.
        index: Of that line.
    """

    line: str
    index: int


def clean_lines(text: str) -> list[str]:
    """Return the lines of an output as a terminal shows them.

    Without colours; of a line that was written over, such as a progress bar, the last state.
    """
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    shown = [next((p for p in reversed(line.split("\r")) if p.strip()), "") for line in lines]
    return [line.rstrip() for line in shown]


def printed_error(text: str, *, is_uncaught: bool) -> str:
    """Return the line that names why a script failed, "" where it printed no error.

    Args:
        text: Its output.
        is_uncaught: Whether it ended as on an exception; else an error early in its output is one
            that it went on after.
    """
    lines = clean_lines(text)
    found = _last_error(lines)
    if found is None:
        return ""
    after = sum(bool(line.strip()) for line in lines[found.index + 1 :])
    return found.line[:LONGEST] if is_uncaught or after <= NEAR_THE_END else ""


def last_line(text: str) -> str:
    """Return the last line of an output, without hints on how to see more."""
    lines = [line for line in clean_lines(text) if line.strip() and not line.startswith(HINTS)]
    return " ".join(lines[-1].split())[:LONGEST] if lines else ""


def shown_lines(text: str, most: int = SHOWN_LINES) -> str:
    """Return the lines to show of an output: up to the error, else the last ones."""
    lines = clean_lines(text)
    found = _last_error(lines)
    after = [line for line in lines[found.index + 1 :] if line.strip()] if found else []
    if found is not None and len(after) > most // 2:
        lines = lines[: found.index + 1]
    return last_lines("\n".join(line for line in lines if line.strip()), most)


def _last_error(lines: list[str]) -> PrintedError | None:
    ends: list[tuple[int, str, bool]] = []
    follows_cause = False
    index = 0
    while index < len(lines):
        if lines[index].strip() == CAUSE:
            follows_cause = True
        if TRACEBACK.match(lines[index]):
            ignored = any(line.startswith(NOT_THE_END) for line in lines[max(0, index - 2) : index])
            end = _end_of_traceback(lines, index)
            if end is not None:
                if not ignored:
                    ends.append((end, _named_at(lines, end), follows_cause))
                follows_cause = False
                index = end
        index += 1
    hydra = _error_of_hydra(lines)
    if ends and (hydra is None or ends[-1][0] > hydra.index):
        last, line, has_cause = ends[-1]
        if has_cause and len(ends) > 1:
            line += f", caused by {ends[-2][1]}"
        return PrintedError(line, last)
    if hydra is not None:
        return hydra
    for kind in (ERROR, FATAL):
        found = [n for n, line in enumerate(lines) if kind.match(line)]
        if found:
            at = found[-1]
            if lines[at].strip().startswith("what():") and at:
                return PrintedError(f"{lines[at - 1].strip()} {lines[at].strip()}", at)
            return PrintedError(lines[at].strip(" |"), at)
    return None


def _error_of_hydra(lines: list[str]) -> PrintedError | None:
    """Return the last error that Hydra printed without a traceback: the lines of its message."""
    starts = [n for n, line in enumerate(lines) if line.startswith(HYDRA_JOB)]
    if not starts:
        return None
    told: list[str] = []
    for line in lines[starts[-1] + 1 :]:
        if not line.strip() or line.startswith(HINTS) or TRACEBACK.match(line):
            break
        told.append(line.strip())
    return PrintedError(" ".join(told), starts[-1] + len(told)) if told else None


def _end_of_traceback(lines: list[str], start: int) -> int | None:
    """Return the line of the exception: the first that is not indented in its block."""
    margin = len(lines[start]) - len(re.sub(r"^[ +|]*", "", lines[start]))
    for index in range(start + 1, len(lines)):
        line = lines[index]
        inner = line[margin:] if set(line[:margin]) <= set(" +|") else line
        if not inner.strip(" |+-") or inner.startswith(" "):
            continue
        if TRACEBACK.match(line):
            return None
        if ANY_ERROR.match(inner):
            return index
    return None


def _named_at(lines: list[str], index: int) -> str:
    """Return the exception at a line, of a group with the first in it."""
    line = re.sub(r"^[ +|]*", "", lines[index]).strip()
    if re.search(r"\(\d+ sub-exceptions?\)$", line):
        inner = lines[index + 1 :]
        for number, one in enumerate(inner):
            if TRACEBACK.match(one):
                end = _end_of_traceback(inner, number)
                if end is not None:
                    return f"{line}, the first: {_named_at(inner, end)}"
            elif ERROR.match(one):
                return f"{line}, the first: {one.strip(' |')}"
    return line
