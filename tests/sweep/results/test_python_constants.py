"""The Python export holds constants alone, whatever names and values a study has."""

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from optuna.study import Study

from fieldsharp.core.errors import FieldsharpError, StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.safe_yaml import _OwnLoader
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.results import python_constants
from fieldsharp.sweep.results.export import choose_trial, export_tree, render, write
from fieldsharp.sweep.study.lookup import load_study


def _mathematical(text: str) -> str:
    """Return text with mathematical letters, which Python reads as the plain ones."""
    return "".join(chr(0x1D44E + ord(c) - ord("a")) if c.islower() else c for c in text)


MATHEMATICAL_CODE = _mathematical("__import__('os').system('id') #")


@pytest.fixture
def tree(finished_url: str) -> dict[str, Any]:
    study: Study = load_study(open_database(finished_url, "read"), "tiny")
    return export_tree(study, choose_trial(study, 3, finished_url))


def _with_script(
    tree: dict[str, Any], names: dict[str, str], values: str = "flags", **given: Any
) -> dict[str, Any]:
    settings = ScriptSettings.model_validate(
        {
            "command": ["python", "train.py"],
            "metrics": "metrics.json",
            "values": values,
            "names": names,
            "given": given,
        }
    )
    return {**tree, "trainer": settings.model_dump(mode="json")}


def _constants(source: str) -> dict[str, Any]:
    """Return what a module assigns, without running it."""
    module = ast.parse(source)
    found: dict[str, Any] = {}
    for statement in module.body[1:]:
        assert isinstance(statement, ast.Assign)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        found[target.id] = ast.literal_eval(statement.value)
    return found


@pytest.mark.parametrize(
    "called",
    [
        f"--x = {MATHEMATICAL_CODE}",
        f"--{MATHEMATICAL_CODE}",
        "--" + _mathematical("x"),
        "--ﬁt",
        "--straße",
        "--größe",
        "--x\ny",
        "--x\x0cy",
        "--x;y",
        "--3d",
        "--x y",
        "--x[0]",
        "--x\u2028y",
        "--٣",
        "--",
        "",
        "+trainer/lr",
    ],
)
def test_a_name_that_is_no_ascii_identifier_is_refused_and_named(
    tree: dict[str, Any], called: str
) -> None:
    odd = _with_script(tree, {"x": called}, x=1.5)
    with pytest.raises(StudyError, match=r"export it as YAML, which holds any name") as caught:
        render(odd, "py")
    said = str(caught.value)
    assert said.isprintable()
    assert called in said or not called.isprintable()
    assert "\n" not in said
    assert render(odd, "yaml")
    assert render(odd, "json")


@pytest.mark.parametrize(
    ("called", "values", "constant"),
    [
        ("config:Training.learning-rate", "constants", "TRAINING_LEARNING_RATE"),
        ("--lr", "flags", "LR"),
        ("--optimizer.lr", "flags", "OPTIMIZER_LR"),
        ("LR", "env", "LR"),
        ("--None", "flags", "NONE"),
    ],
)
def test_what_a_script_calls_a_value_becomes_a_constant_that_can_be_imported(
    tree: dict[str, Any], called: str, values: str, constant: str
) -> None:
    given = _with_script(tree, {"rate": called, "gradient_weight": "config:W"}, values, rate=1e-3)
    assert _constants(render(given, "py"))[constant] == 1e-3


@pytest.mark.parametrize(
    "names", [{"a": "--x-y", "b": "--x_y"}, {"a": "--x", "b": "--X"}, {"a": "--metrics"}]
)
def test_two_values_under_one_constant_are_refused(
    tree: dict[str, Any], names: dict[str, str]
) -> None:
    with pytest.raises(StudyError, match=r"both be the constant (X_Y|X|METRICS); export"):
        render(_with_script(tree, names, a=1, b=2), "py")


VALUES = [
    True,
    1,
    1.0,
    -0.0,
    1e-5,
    10**30,
    "",
    "no",
    "on",
    "0x10",
    "017",
    "1e5",
    "1_000",
    "12:30:45",
    "2020-01-01",
    "~",
    "=",
    "<<",
    ".inf",
    "# x",
    "a: b",
    "- a",
    '"""',
    "'\\",
    "x" * 500,
    "two words " * 40,
    "a\nb\r\nc\x0cd\x85e\u2028f\u2029g",
    "\ufeff\ufffe\uffff\U0001fffe\U0010ffff",
    "\x00\x1b\x7f\ud800",
    "größe 学习率 " + _mathematical("x"),
]


@pytest.mark.parametrize("form", ["py", "yaml", "json"])
def test_every_value_is_read_back_from_a_file_as_it_was_with_its_type(
    tree: dict[str, Any], form: Any, tmp_path: Path
) -> None:
    tree["exported"]["odd"] = VALUES
    tree["exported"]["names"] = {name: 1 for name in VALUES if isinstance(name, str)}
    path = tmp_path / "best"
    write(render(tree, form), path)
    text = path.read_bytes().decode()
    if form == "py":
        found = _constants(text)["EXPORTED"]
    elif form == "yaml":
        found = _OwnLoader(text).get_single_data()["exported"]
    else:
        found = json.loads(text)["exported"]
    assert list(map(repr, found["odd"])) == list(map(repr, VALUES))
    assert found["names"] == tree["exported"]["names"]


@pytest.mark.parametrize("form", ["py", "json"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_without_a_literal_is_refused_by_its_place(
    tree: dict[str, Any], form: Any, value: float
) -> None:
    tree["metrics"]["odd"] = value
    with pytest.raises(StudyError, match=r"(metrics|METRICS)\.odd is infinite or nan.*format yaml"):
        render(tree, form)
    assert render(tree, "yaml")


@pytest.mark.parametrize("form", ["py", "yaml"])
def test_no_character_in_the_name_of_a_study_ends_the_title(
    tree: dict[str, Any], form: Any
) -> None:
    odd = (chr(code) for code in range(sys.maxunicode + 1))
    name = "".join(c for c in odd if not c.isprintable() and ord(c) < 0xE000) + '"""\\"\ufeff\ufffe'
    tree["exported"]["study"] = name
    text = render(tree, form)
    if form == "py":
        assert _constants(text)["EXPORTED"]["study"] == name
    assert text.splitlines()[0].startswith(('"""Trial 3 of study', "# trial 3 of study"))


def test_code_among_the_constants_is_noticed(
    tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(python_constants.NAMES, "loss.variant", "X = print('code'); Y")
    with pytest.raises(StudyError, match="it would be no module of constants"):
        render(tree, "py")
    monkeypatch.setitem(python_constants.NAMES, "loss.variant", "ﬁ")  # is read as fi
    with pytest.raises(StudyError, match="are read as others"):
        render(tree, "py")


def test_a_failed_write_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best.py"
    path.write_text("before")
    path.chmod(0o600)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(FieldsharpError, match="No space left"):
            write("after", path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    link = tmp_path / "link.py"
    link.symlink_to(path)
    write("after", link)
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after", 0o600)


def test_what_is_trained_first_is_a_constant_too(tree: dict[str, Any]) -> None:
    names = ("predictor", "loss", "training")
    start = {name: tree[name] for name in names}
    found = _constants(render({**tree, "start_from": start}, "py"))
    assert found["START_FROM"] == start
    assert "START_FROM" not in _constants(render(tree, "py"))
