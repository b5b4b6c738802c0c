"""The torture in its short forms with the tests from outside, and longer with the slow ones."""

import re
import subprocess
import sys

import pytest

from fieldsharp.core.checkout import PROJECT


def _torture(*arguments: str, limit_s: float) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.outside
def test_nothing_is_lost_by_a_few_faults() -> None:
    said = _torture("--short", "--seed", "1", limit_s=400.0)
    assert said.startswith("seed 1\n")
    assert " lost 0" in said


@pytest.mark.outside
def test_no_trial_is_missing_or_double_in_the_trackers_after_a_few_kills() -> None:
    said = _torture("--tracker-kills", "3", "--seed", "318", limit_s=600.0)
    # More than four where a moment did not come before the end.
    assert len(re.findall(r": (\d+) trials, \1 once, \1 whole$", said, re.MULTILINE)) == 2


@pytest.mark.slow
def test_nothing_is_lost_by_every_fault() -> None:
    said = _torture("--part", "every", "--minutes", "6", limit_s=1500.0)
    assert " NO" not in said
