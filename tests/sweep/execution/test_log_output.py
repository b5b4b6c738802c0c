"""Warnings of libraries in the log: one line, without a path and a line of source."""

import re
import subprocess
import sys

import pytest

from fieldsharp.core.checkout import PROJECT

WARNS = """
import warnings
from fieldsharp.storage.location.passwords import Masking
from fieldsharp.sweep.execution.log_output import log_of_commands, log_of_workers
{begin}
warnings.warn("two\\nlines and \\x1b[2J, at postgresql://ann:secret@h/db", RuntimeWarning)
"""
AT_WORK = """
import os, sys, types, warnings
from fieldsharp.sweep.execution.local import entrypoint

class Warns:
    def __init__(self, pipe, gpu): pass
    def serve(self): warnings.warn("from a plugin")

WORKER = "fieldsharp.sweep.execution.local.worker"
sys.modules[WORKER] = types.SimpleNamespace(Worker=Warns)  # no torch, which takes seconds
entrypoint.serve(None, None, os.getppid())
"""
LINE = r"\d\d:\d\d:\d\d WARNING a library warns: "


def _said(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("begin", ["log_of_commands(Masking(), debug=False)", "log_of_workers()"])
def test_a_warning_is_one_plain_line(begin: str) -> None:
    said = _said(WARNS.format(begin=begin))
    words = re.escape(r"two lines and \x1b[2J, at postgresql://ann:***@h/db (RuntimeWarning)")
    assert re.fullmatch(f"{LINE}{words}\n", said), said


def test_where_it_was_raised_is_told_to_who_looks_for_an_error() -> None:
    said = _said(WARNS.format(begin="log_of_commands(Masking(), debug=True)"))
    assert "DEBUG it warned in line 6 of <string>\n" in said


def test_a_worker_process_shows_no_line_of_source() -> None:
    assert re.fullmatch(rf"{LINE}from a plugin \(UserWarning\)\n", _said(AT_WORK))
