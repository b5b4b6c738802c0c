"""Files of others' making: what is refused, in how little time, and what still works."""

import json
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.limited_loader import MOST_LEVELS, MOST_VALUES
from fieldsharp.sweep.configuration.safe_yaml import MOST_BYTES, dump_yaml, parse_yaml, read_yaml

NINE = range(9)


def _bomb(first: str, form: str) -> str:
    """Return nine lines of which each names the one before nine times."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {form % ', '.join(f'*a{i - 1}' for _ in NINE)}" for i in range(1, 9)]
    return "\n".join(lines)


def _refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "configuration x.yaml")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 600
    assert sentence.startswith("configuration x.yaml ")
    return sentence


@pytest.mark.parametrize(
    "text",
    [
        _bomb("[x, x, x, x, x, x, x, x, x]", "[%s]"),
        _bomb("{k: x}", "{<<: [%s]}"),
        "a: &a [*a, *a]",
        "a: &a {b: {c: *a}}",
        "a: &a {<<: *a}",
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
    ],
    ids=["list bomb", "merge bomb", "self", "deep self", "self merge", "[", "{", "-", "?"],
)
def test_what_would_grow_without_end_is_refused_at_once_and_in_little_memory(text: str) -> None:
    started = time.process_time()  # of this process: others may keep the machine busy
    _refusal(text)
    assert time.process_time() - started < 1.0
    tracemalloc.start()
    _refusal(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_bomb("[x, x]", "[%s]"), f"holds more than {MOST_VALUES} values, aliases written out"),
        ("a: &a [*a]", "has an alias inside its own anchor (line 1); write the value out"),
        ("[" * 100_000, f"is nested deeper than {MOST_LEVELS} levels (line 1); flatten it"),
        (
            "- &a0 [x]\n" + "\n".join(f"- &a{i} [*a{i - 1}]" for i in range(1, 99)),
            f"is nested deeper than {MOST_LEVELS} levels (line 39); flatten it",
        ),
        ("- a\n" * (MOST_VALUES + 1), f"holds more than {MOST_VALUES} values"),
        ("x" * (MOST_BYTES + 1), "is larger than 1 MB"),
        ("a: " + "1" * 10_000, "has a number of 10000 characters (line 1); shorten it, or quote"),
        ("!!python/object/apply:os.system [id]", "could not determine a constructor for the tag"),
        ("a: !!python/name:os.system", "could not determine a constructor for the tag"),
        ('a: "\\0"', "has the control character U+0000 in a value (line 1); take it out"),
        ('a: "\\e[31m"', "has the control character U+001B in a value"),
        ('a: "\\ud800"', "has the control character U+D800 in a value"),
        ("a: \0", "is not valid YAML: unacceptable character #x0000"),
        ("a: !!int many", "a value is not what its tag or form says ('many' is no integer)"),
        ("a: !!timestamp x", "could not determine a constructor for the tag"),
        ("a: !!bool x", "a value is not what its tag or form says"),
        ('a: "\\U00110000"', "a value is not what its tag or form says"),
        ("? [a]\n: 1", "is not valid YAML: a key is a list or a mapping in line 1, column 3"),
        ("a: 1\na: 2", "the key 'a' is given twice in line 1"),
        ("a: 1\n---\nb: 2", "found another document in line 2"),
        ("a: *b", "found undefined alias 'b' in line 1"),
        ("!" * 500_000, "is not valid YAML"),
    ],
)
def test_each_refusal_says_what_and_what_to_do(text: str, said: str) -> None:
    assert said in _refusal(text)


def test_a_long_number_that_is_none_is_not_matched_in_every_way() -> None:
    started = time.perf_counter()
    _refusal("a: " + "1" * 500_000)
    assert time.perf_counter() - started < 5.0  # with two ways to match a digit: hours


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a: &x {k: [1, 2]}\nb: *x", {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
        (
            "a: &x {k: 1}\nb: &y {l: 2}\nc: {<<: [*x, *y]}",
            {"a": {"k": 1}, "b": {"l": 2}, "c": {"k": 1, "l": 2}},
        ),
        ("a: 1e-3\nb: 1.5E+2\nc: .5e1\nd: 1e3x", {"a": 1e-3, "b": 150.0, "c": 5.0, "d": "1e3x"}),
        ('name: "Tübingen 中文\\ttab"', {"name": "Tübingen 中文\ttab"}),
        ("[" * MOST_LEVELS + "]" * MOST_LEVELS, None),
    ],
)
def test_what_is_ordinary_still_works(text: str, tree: Any) -> None:
    found = parse_yaml(text, "it")
    assert tree is None or found == tree


def test_an_override_changes_one_of_two_places_that_share_an_anchor(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "data: {path: a.nc}\nsearch:\n  space:\n    gradient_weight: &r {low: 0.1, high: 1.0}\n"
        "    learning_rate: *r\nloss: {variant: sobel}\n"
    )
    space = load_config(path, ["search.space.learning_rate.low=0.2"]).config.search.space
    assert space["gradient_weight"].model_dump()["low"] == 0.1
    assert space["learning_rate"].model_dump()["low"] == 0.2


def test_json_is_read_by_the_same_loader_within_the_same_limits(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    tree = {"data": {"path": "a.nc"}, "metrics": {"rmse": 1e-7}, "exported": {"study": "café"}}
    path.write_text(json.dumps(tree))
    assert read_yaml(path) == tree
    path.write_text("[" * 100_000)
    with pytest.raises(ConfigError, match="is nested deeper than"):
        read_yaml(path)


def test_what_is_written_shares_nothing_and_is_read_back(tmp_path: Path) -> None:
    shared = {"low": 1.0, "word": "1e3"}
    text = dump_yaml({"a": shared, "b": shared})
    assert "&" not in text
    assert parse_yaml(text, "it") == {"a": shared, "b": shared}


def test_yaml_that_would_be_read_as_other_values_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yaml.dump", lambda *_, **__: "a: {b: [1]}")
    with pytest.raises(ConfigError, match=r"a\.b has 2 values, of which 1 are read"):
        dump_yaml({"a": {"b": [1, 2]}})
    monkeypatch.setattr("yaml.dump", lambda *_, **__: "a: no")
    with pytest.raises(ConfigError, match="a is 'no' and is read as False"):  # by YAML 1.1
        dump_yaml({"a": "no"})
    monkeypatch.setattr("yaml.dump", lambda *_, **__: "a: 1e3")
    with pytest.raises(ConfigError, match=r"a is '1e3' and is read as 1000\.0"):  # by YAML 1.2
        dump_yaml({"a": "1e3"})
    monkeypatch.setattr("yaml.dump", lambda *_, **__: "a: 2001-99-99")
    with pytest.raises(ConfigError, match=r"cannot be written as YAML \(month must be in 1"):
        dump_yaml({"a": "2001-99-99"})
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="cannot be written as YAML"):
        dump_yaml({"a": 10**200})


@pytest.mark.parametrize("odd", ["a\nb: 1", "a\x85b: 1", "a\u2028b: 1", "\ufeff", "\ufffe", "学习"])
def test_a_comment_stays_one_line_that_can_be_read(odd: str) -> None:
    text = dump_yaml({"a": 1}, f"study {odd}")
    assert len(text.splitlines()) == 2
    assert parse_yaml(text, "it") == {"a": 1}


def test_a_pipe_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigError, match=r"pipe\.yaml is no regular file; give a YAML file"):
        load_config(tmp_path / "pipe.yaml")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/dev/zero", "/dev/zero is no regular file"),
        (".", "configuration . is no regular file"),
        ("nowhere.yaml", "nowhere.yaml does not exist; give a YAML file"),
        ("conftest.py/x.yaml", "x.yaml does not exist; give a YAML file"),
    ],
)
def test_what_is_no_file_is_refused(
    path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conftest.py").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        load_config(Path(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: \xff\xfe", r"is not valid YAML: byte 3 is no UTF-8; save it as UTF-8 text"),
        (b"#" * (MOST_BYTES + 1), r"is larger than 1 MB; give a YAML file"),
    ],
)
def test_a_file_that_is_no_text_or_too_long_is_refused(
    content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epochs=[[[" + "[" * 100, "--set training.epochs is nested deeper than"),
        ("training.epochs=&a [*a]", "--set training.epochs has an alias inside its own anchor"),
        (".".join("a" * 1000) + "=1", "is 1000 levels deep, and no setting lies deeper than"),
        ("study=" + json.dumps("red \x1b[31m"), "has the control character U+001B in a value"),
        ("training.epochs=" + "x" * 10_000, "found 'xxx"),
        ('data.path="~nobody-of-this-name/a.nc"', "is no path"),
    ],
)
def test_an_override_is_held_to_the_same_limits(override: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("data: {path: a.nc}")
    with pytest.raises(ConfigError) as caught:
        load_config(path, [override])
    assert said in str(caught.value)
    assert len(str(caught.value)) < 600


def test_metrics_of_an_export_that_are_no_numbers_are_refused_before_training(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("data: {path: a.nc}\nmetrics: {rmse: [1]}")
    with pytest.raises(ConfigError, match=r"metrics\.rmse must be a number as an export writes"):
        load_config(path)
