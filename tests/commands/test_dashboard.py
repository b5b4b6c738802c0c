"""The dashboard as it is typed: what it prints, opens, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.secret_variables import TOKEN_VARIABLE
from fieldsharp.sweep.command_line import main

pytestmark = pytest.mark.outside
TOKEN = "abcdefghijklmnopqrstuvwxyz"  # noqa: S105 - of this test alone


def _start(url: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROJECT / "run_sweep.py", "dashboard", "--port", "0", *arguments],
        env={**os.environ, "SWEEP_STORAGE": url, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str], number: int) -> None:
    """End it by a signal; it says nothing more, and no trace."""
    process.send_signal(number)
    rest, errors = process.communicate(timeout=90)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_link_is_the_first_line_and_an_interrupt_ends_it(finished_url: str) -> None:
    process = _start(finished_url, "--no-open")
    assert process.stdout is not None
    link = process.stdout.readline()
    match = re.fullmatch(r"(http://127\.0\.0\.1:[0-9]+/)\?token=([A-Za-z0-9_-]{43})\n", link)
    assert match is not None, link
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{match[1]}api/studies", headers={"Authorization": f"Bearer {match[2]}"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
        assert b'"tiny"' in response.read()
    _end(process, signal.SIGINT)


def test_the_browser_is_started_without_the_token(finished_url: str, tmp_path: Path) -> None:
    started = tmp_path / "started"
    recorder = tmp_path / "browser"
    recorder.write_text(
        f'#!/bin/sh\necho "$@" "$(env)" > {started}.part\nmv {started}.part {started}'
    )
    recorder.chmod(0o700)
    process = _start(finished_url, "--json", BROWSER=f"{recorder} %s", **{TOKEN_VARIABLE: TOKEN})
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())
    assert found["token"] == TOKEN
    assert found["url"].endswith(f"/?token={TOKEN}")
    for _ in range(200):
        if started.exists():
            break
        time.sleep(0.05)
    seen = started.read_text()
    assert TOKEN not in seen
    file = Path(seen.split()[0].removeprefix("file://"))
    assert TOKEN in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    _end(process, signal.SIGTERM)
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--certfile", "c.pem"], "TLS needs a certificate and its key: give --keyfile too"),
        (["--certfile", "c.pem", "--keyfile", "k.pem"], "--certfile c.pem is no file; give one in"),
        (["--host", "0.0.0.0"], "--host 0.0.0.0 is not a loopback address"),  # noqa: S104
        (["--allow-host", "http://a"], "--allow-host 'http://a' is not the name of a host"),
    ],
)
def test_what_cannot_be_served_safely_is_refused(
    finished_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setenv("SWEEP_STORAGE", finished_url)
    assert main(["dashboard", "--no-open", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {said}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
