"""The line that names an error, in what real interpreters and other programs print."""

import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.sweep.execution.script.error_lines import printed_error, shown_lines


def _printed(source: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False
    )
    return ran.stdout + ran.stderr


HYDRA = """
import hydra
from omegaconf import OmegaConf
@hydra.main(version_base=None, config_path=None)
def main(cfg):
    raise ValueError("no data")
main()
"""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("raise ValueError('no data')", "ValueError: no data"),
        ("try: 1 / 0\nexcept Exception: raise KeyError('a')", "KeyError: 'a'"),
        (
            "try: 1 / 0\nexcept Exception as e: raise OSError('b') from e",
            "OSError: b, caused by ZeroDivisionError: division by zero",
        ),
        (
            "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])",
            "ExceptionGroup: two (2 sub-exceptions), the first: ValueError: a",
        ),
        ("x = = 1", "SyntaxError: invalid syntax"),
        ("class Odd(Exception): pass\nraise Odd('my own')", "Odd: my own"),
        (
            "class D:\n    def __del__(self): raise OSError('late')\n"
            "d = D()\nraise ValueError('x')",
            "ValueError: x",
        ),
        (
            "import faulthandler\nfaulthandler.enable()\nimport ctypes\nctypes.string_at(0)",
            "Fatal Python error: Segmentation fault",
        ),
        (
            "import argparse\np = argparse.ArgumentParser(prog='t.py')\n"
            "p.parse_args(['--lrr', '1'])",
            "t.py: error: unrecognized arguments: --lrr 1",
        ),
    ],
)
def test_the_error_is_named_and_not_the_last_line(source: str, line: str) -> None:
    text = _printed(source)
    assert line in printed_error(text + "wandb: summary\n", is_uncaught=True), text


def test_hydra_names_the_error_and_not_its_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = _printed(HYDRA)
    assert "HYDRA_FULL_ERROR=1" in text.splitlines()[-1]
    assert printed_error(text, is_uncaught=True) == "ValueError: no data"


HYDRA_MAKES = """
import hydra
from hydra.utils import instantiate
@hydra.main(version_base=None, config_path=None)
def main(cfg):
    try:
        raise ValueError("handled")
    except ValueError:
        import traceback; traceback.print_exc()
    instantiate({"net": {"_target_": "collections.deque", "maxlen": -1}})
main()
"""


def test_hydra_names_the_error_of_what_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = _printed(HYDRA_MAKES)
    assert printed_error(text, is_uncaught=True) == (
        "Error in call to target 'collections.deque': ValueError('maxlen must be non-negative') "
        "full_key: net"
    )
    assert "maxlen must be non-negative" in shown_lines(text)


def test_an_error_that_the_script_went_on_after_is_not_why_it_ended() -> None:
    text = _printed("raise ValueError('handled')") + "epoch\n" * 50
    assert printed_error(text, is_uncaught=False) == ""


def test_progress_bars_and_colours_do_not_fill_the_note() -> None:
    bar = "".join(f"\r{n}%|" + "#" * n for n in range(1, 100))
    text = f"begin\n{bar}\n\x1b[31mred\x1b[0m\n" + _printed("raise ValueError('x')")
    shown = shown_lines(text).split("\n")
    assert shown[0] == "begin"
    assert shown[1].startswith("99%|")
    assert shown[2] == "red"
    assert shown[-1] == "ValueError: x"
    assert "\x1b" not in "".join(shown)


def test_the_note_ends_with_the_error_where_much_is_printed_after_it() -> None:
    shown = shown_lines(_printed("raise ValueError('x')") + "wandb: line\n" * 40)
    assert shown.split("\n")[-1] == "ValueError: x"
