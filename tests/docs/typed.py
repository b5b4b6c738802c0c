"""Lines of the documentation as they are typed: run in this process, or looked over.

``python run_sweep.py ...`` is run, made small where an option says how much is to be done. What
would install, reach into the network or wait for a person is looked over: its syntax, and whether
the targets, modules and files it names are there. A program that is not known here is an error, so
that nothing is passed over in silence.
"""

import importlib.util
import os
import re
import runpy
import shlex
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.cookiejar import CookieJar
from io import StringIO
from pathlib import Path

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.command_line import app, main
from fieldsharp.sweep.configuration.config_file import load_config

RUN = (["python", "run_sweep.py"], ["./run_sweep.py"], ["fieldsharp"])
SMALLER = {"--trials": "2", "--top": "1", "--seeds": "1", "--port": "0"}
"""Options that only say how much; a port may be taken on this machine."""
ALWAYS = {"confirm": ("--top", "--seeds"), "dashboard": ("--port", "--no-open")}
LOOKED_OVER = {"cd", "curl", "export", "git", "openssl", "read", "ssh"} | {
    *("createdb", "createuser", "pg_dump", "pg_restore"),
    *("pip", "pipx", "uv"),
    *("chmod", "kubectl", "ray", "sbatch", "scancel", "scp"),
}
"""Of these the syntax alone can be held to anything."""
OPERATORS = {"|", ">", ">>", "&&", "&", ";", "<", "("}
ON_A_CLUSTER = "executor=ray"
KEY = "<TAB>"
INSTALLS = "--install-completion"
SERVING_S = 60.0


class Typed:
    """What is typed into a shell in a folder, page after page.

    A command that a page before had in the same words is not run again.

    Args:
        folder: The working directory, which looks like a fresh clone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._done: set[tuple[str, ...]] = set()

    def type(self, line: str) -> None:
        """Run a line, or look it over where it cannot be run.

        Raises:
            AssertionError: If it fails, or names what is not there.
        """
        words = _words(line)
        for start in RUN:
            if words[: len(start)] == start:
                self._run(line, words[len(start) :])
                return
        _check_syntax(line)
        program = words[0]
        if program == "make":
            for target in words[1:]:
                makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"no target {target}"
        elif program == "source":
            made = (PROJECT / "Makefile").read_text(encoding="utf-8")
            assert words[1] == ".venv/bin/activate", words
            assert "-m venv .venv" in made, "make makes no .venv"
        elif words[:2] == ["python", "-m"] and (self.folder / _file_of(words[2])).exists():
            with redirect_stdout(StringIO()):  # code of the page's own
                runpy.run_module(words[2], run_name="__main__")
        elif words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2]), f"no module {words[2]}"
            for word in words[3:]:
                assert not word.startswith("configs/") or (PROJECT / word).is_file(), word
        else:
            assert program in LOOKED_OVER, f"{program!r} can neither be run nor looked over"

    def _run(self, line: str, words: list[str]) -> None:
        if KEY in line or INSTALLS in words:  # for a person, or into a person's own files
            command = words[0]
            known = {c.name for c in app.registered_commands} | {INSTALLS}
            assert command in known, f"no command {command!r}"
            return
        end = next((i for i, word in enumerate(words) if word in OPERATORS), len(words))
        if end < len(words):
            _check_syntax(line)
        if ON_A_CLUSTER in words:  # none is here; tests/cluster runs such sweeps
            changes = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
            assert load_config(self.folder / words[1], changes).config.executor == "ray"
            return
        arguments = _made_small(words[:end])
        if tuple(arguments) in self._done:
            return
        if arguments[0] == "dashboard":
            _serve(arguments)
            self._done.add(tuple(arguments))
            return
        code, said, complaint = run(arguments)
        assert code == 0, f"{shlex.join(arguments)} ended with {code}: {complaint}{said}"
        self._done.add(tuple(arguments))
        if words[end : end + 1] == [">"]:
            (self.folder / words[end + 1]).write_text(said, encoding="utf-8")


def run(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code and what it wrote to each stream."""
    out, complaint = StringIO(), StringIO()
    with _signals_kept(), redirect_stdout(out), redirect_stderr(complaint):
        code = main(list(arguments))
    return code, out.getvalue(), complaint.getvalue()


def _file_of(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)


def _check_syntax(line: str) -> None:
    done = subprocess.run(["bash", "-n", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _made_small(words: list[str]) -> list[str]:
    arguments = list(words)
    for option, value in SMALLER.items():
        if option in arguments:
            arguments[arguments.index(option) + 1] = value
    for option in ALWAYS.get(arguments[0], ()):
        if option not in arguments:
            arguments += [option, SMALLER[option]] if option in SMALLER else [option]
    if "--notify" in arguments:  # the command is another program's, and may reach into the network
        at = arguments.index("--notify") + 1
        _check_syntax(arguments[at])
        arguments[at] = "true"
    return arguments


def _serve(arguments: list[str]) -> None:
    """Serve until the link that is printed has been followed, then end it as Ctrl-C does."""
    out, complaint = StringIO(), StringIO()
    seen: list[int] = []

    def look() -> None:
        try:
            deadline = time.monotonic() + SERVING_S
            while time.monotonic() < deadline:
                link = re.search(r"https?://[^\s\"]+", out.getvalue())
                if link:
                    seen.append(_status_of(link[0]))
                    return
                time.sleep(0.05)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    looking = threading.Thread(target=look)
    with _signals_kept(), redirect_stdout(out), redirect_stderr(complaint):
        looking.start()
        try:
            code = main(arguments)
        finally:
            looking.join()
    assert code in (0, 3), complaint.getvalue()
    assert seen == [200], f"{shlex.join(arguments)}: {out.getvalue()}{complaint.getvalue()}"


def _status_of(link: str) -> int:
    cookies = urllib.request.HTTPCookieProcessor(CookieJar())
    with urllib.request.build_opener(cookies).open(link, timeout=SERVING_S) as answer:
        return int(answer.status)


@contextmanager
def _signals_kept() -> Iterator[None]:
    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {kind: signal.getsignal(kind) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
