"""Constants of modules replaced, and all else left as it was written."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.execution.script.constant_rewriter import (
    later_assignments,
    module_file,
    replace_constants,
)

SOURCE = '''\
# -*- coding: utf-8 -*-
"""Constants."""
import os

WEIGHT = 0.05   # größer: 0.2
NAMES: tuple[str, ...] = (
    "a",  # kept
    "b",
)
if os.name == "posix":
    PLACE = "/tmp"; OTHER = 1
else:
    PLACE = "C:"
A = B = 3
C, D = 1, 2
TOTAL = 1
TOTAL += 1


def f(WEIGHT=1):
    LOCAL = 2
    return WEIGHT
'''
PATH = Path("config.py")


def test_only_the_value_is_another_then() -> None:
    found = replace_constants(SOURCE.encode(), {"WEIGHT": 0.2}, PATH).decode()
    assert found == SOURCE.replace("WEIGHT = 0.05 ", "WEIGHT = 0.2 ")


def test_every_place_that_assigns_it_is_replaced_and_values_of_several_lines_too() -> None:
    found = replace_constants(SOURCE.encode(), {"PLACE": "ö\n'", "NAMES": 2}, PATH).decode()
    assert 'PLACE = "\\xf6\\n\'"; OTHER = 1\nelse:\n    PLACE = "\\xf6\\n\'"\n' in found
    assert "NAMES: tuple[str, ...] = 2\nif" in found


NESTED = """\
class Training:
    weight: float = 0.05
    class Inner:
        RATE = 1e-3

    def method(self):
        weight = 7

SETTINGS: dict = {"loss": {"weight": 0.05, **{}}, "rate": 1e-3, 3: 4}
"""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("Training.weight", "weight: float = 0.05", "weight: float = 2.5"),
        ("Training.Inner.RATE", "RATE = 1e-3", "RATE = 2.5"),
        ("SETTINGS.loss.weight", '"weight": 0.05', '"weight": 2.5'),
        ("SETTINGS.rate", '"rate": 1e-3', '"rate": 2.5'),
    ],
)
def test_what_a_class_or_a_dictionary_holds_is_replaced_too(name: str, old: str, new: str) -> None:
    found = replace_constants(NESTED.encode(), {name: 2.5}, PATH).decode()
    assert found == NESTED.replace(old, new)


HELD = """\
configs = Config()
configs.lr = 0.1
configs["batch"] = 4
configs.net.width = 8
cfg = dict(lr=0.1, inner=Inner(depth=2))
@dataclass
class Options:
    lr: float = field(default=0.1, metadata={})
    def __init__(self, x):
        self.rate = 0.1
def main():
    late.lr = 1
    configs.lr = 3
"""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("configs.lr", "configs.lr = 0.1", "configs.lr = 2.5"),
        ("configs.batch", '["batch"] = 4', '["batch"] = 2.5'),
        ("configs.net.width", "width = 8", "width = 2.5"),
        ("cfg.lr", "dict(lr=0.1", "dict(lr=2.5"),
        ("cfg.inner.depth", "depth=2", "depth=2.5"),
        ("Options.lr", "default=0.1", "default=2.5"),
        ("Options.rate", "self.rate = 0.1", "self.rate = 2.5"),
    ],
)
def test_attributes_entries_and_arguments_are_replaced(name: str, old: str, new: str) -> None:
    found = replace_constants(HELD.encode(), {name: 2.5}, PATH).decode()
    assert found == HELD.replace(old, new)


def test_what_only_a_function_assigns_is_refused_and_what_one_assigns_again_is_told() -> None:
    with pytest.raises(ConfigError, match=r"no late\.x outside of the function main \(line 12\)"):
        replace_constants(HELD.replace("late.lr", "late.x").encode(), {"late.x": 2}, PATH)
    (again,) = later_assignments(HELD.encode(), "configs.lr", PATH)
    assert (again.line, again.function) == (13, "main")


def test_line_ends_encodings_and_byte_order_marks_stay() -> None:
    source = b"\xef\xbb\xbfX = 1\r\nY = '\xc3\xb6'; Z = 2  # \xc3\xb6\r\n"
    assert replace_constants(source, {"Z": 3}, PATH) == source.replace(b"Z = 2", b"Z = 3")
    latin = "# coding: latin-1\nX = 'ö'; Y = 1\n".encode("latin-1")
    assert replace_constants(latin, {"Y": True}, PATH) == latin.replace(b"Y = 1", b"Y = True")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("WIEGHT", "assigns no WIEGHT: did you mean WEIGHT?"),
        ("LOCAL", "assigns no LOCAL"),
        ("A", "assigns A together with others, or changes it, in line 14"),
        ("D", "assigns D together with others"),
        ("TOTAL", "assigns TOTAL together with others, or changes it, in line 17"),
    ],
)
def test_what_is_not_there_or_not_alone_is_said(name: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        replace_constants(SOURCE.encode(), {name: 1}, PATH)
    assert words in str(raised.value)


def test_a_name_in_a_class_is_named_after_it() -> None:
    with pytest.raises(ConfigError, match=r"assigns no weight: did you mean Training\.weight\?"):
        replace_constants(NESTED.encode(), {"weight": 1}, PATH)


def test_what_is_no_python_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.py is not valid Python"):
        replace_constants(b"X = (", {"X": 1}, PATH)
    with pytest.raises(ConfigError, match=r"has neither a/b\.py nor a/b/__init__\.py"):
        module_file(tmp_path, "a.b")


@given(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_any_value_is_read_back(value: str | float) -> None:
    found = replace_constants(b"# before\nX = 1 ; Y = 2\n", {"X": value}, PATH)
    first, second = ast.parse(found).body
    assert isinstance(first, ast.Assign)
    assert isinstance(second, ast.Assign)
    assert ast.literal_eval(first.value) == value
    assert ast.literal_eval(second.value) == 2
