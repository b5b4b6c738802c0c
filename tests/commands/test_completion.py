"""What a shell completes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.commands.options import rejoin_completion_words
from tests.commands.terminals import on_a_terminal

ASK = """
source <(./run_sweep.py --show-completion)
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
function=$(complete -p run_sweep.py | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
"$function" ./run_sweep.py
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _variables(url: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "SWEEP_STORAGE": url}


def _completed(url: str, *words: str) -> list[str]:
    """Return what an interactive bash completes the last of these words to."""
    done = subprocess.run(
        ["bash", "--norc", "-i", "-c", ASK, "bash", "./run_sweep.py", *words],
        cwd=PROJECT,
        env=_variables(url),
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert "Traceback" not in done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("command", ["status", "confirm"])
def test_studies_are_completed(command: str, finished_url: str) -> None:
    assert _completed(finished_url, command, "") == ["tiny"]


def test_commands_options_and_settings_are_completed(finished_url: str) -> None:
    assert _completed(finished_url, "sta") == ["start", "status"]
    assert _completed(finished_url, "status", "--w") == ["--watch"]
    assert _completed(finished_url, "start", "--set", "training.epochs") == ["training.epochs="]


def test_a_database_that_is_named_is_looked_into(finished_url: str, tmp_path: Path) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'none.db'}"
    scheme, _, rest = finished_url.partition(":")
    broken_up = ("--storage", scheme, ":", rest)  # as bash does it at a colon
    assert _completed(elsewhere, "status", *broken_up, "t") == ["tiny"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_database_that_cannot_be_read_completes_nothing_and_says_nothing(
    content: bytes | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "x.db").write_bytes(content)
    for url in (f"sqlite:///{tmp_path / 'x.db'}", "rubbish", "postgresql://h/db"):
        done = subprocess.run(
            [sys.executable, "run_sweep.py"],
            cwd=PROJECT,
            env={
                **_variables(url),
                "_RUN_SWEEP.PY_COMPLETE": "complete_bash",
                "COMP_WORDS": "./run_sweep.py\nstatus\n",
                "COMP_CWORD": "2",
            },
            capture_output=True,
            text=True,
        )
        assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_key_pressed_in_a_real_shell_writes_the_name(finished_url: str) -> None:
    variables = {**_variables("sqlite:///none.db"), "PS1": "> ", "INPUTRC": "/dev/null"}
    with on_a_terminal(("bash", "--norc", "-i"), PROJECT, variables, columns=300) as shell:
        shell.type("source <(./run_sweep.py --show-completion bash); echo rea''dy\n")
        assert "ready" in shell.read_until("ready")
        shell.type(f"./run_sweep.py stop --storage {finished_url} t\t")
        assert " tiny " in shell.read_until(" tiny ")
        shell.type("--j\t\n")
        assert '"was_run": false' in shell.read_until("}")
        shell.type("exit\n")


def test_completing_loads_nothing_heavy(finished_url: str) -> None:
    look = (
        "import sys; from fieldsharp.storage.sqlite.file import study_names\n"
        "assert study_names(sys.argv[1]) == ['tiny']\n"
        "assert not {'optuna', 'sqlalchemy', 'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", look, finished_url], cwd=PROJECT, check=True)


@pytest.mark.parametrize(
    ("words", "current", "mended"),
    [
        (["r", "status", "t"], 2, ["r", "status", "t"]),
        (["r", "--storage", "a", ":", "///x", ""], 5, ["r", "--storage", "a:///x", ""]),
        (["r", "--set", "a.b", "=", ""], 4, ["r", "--set", "a.b="]),
        (["r", "--set", "a.b", "=", "3", "x"], 5, ["r", "--set", "a.b=3", "x"]),
        (["r", "a", "b", "c"], 1, ["r", "a"]),
    ],
)  # fmt: skip
def test_words_that_bash_takes_apart_are_put_together(
    words: list[str], current: int, mended: list[str]
) -> None:
    variables = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(current)}
    rejoin_completion_words(variables)
    assert variables == {"COMP_WORDS": "\n".join(mended), "COMP_CWORD": str(len(mended) - 1)}
