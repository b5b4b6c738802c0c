"""Words and numbers of YAML: beside the tables of the specification, wherever they are written."""

import json
import math
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.core_schema import plain_value
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml, parse_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig

# YAML 1.2.2, section 10.3.2, with the group of each.
SPECIFICATION: list[tuple[str, Callable[[str], Any]]] = [
    (r"null|Null|NULL|~|", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda word: int(word[2:], 8)),
    (r"0x[0-9a-fA-F]+", lambda word: int(word[2:], 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    (r"[-+]?(\.inf|\.Inf|\.INF)", lambda word: -math.inf if word[0] == "-" else math.inf),
    (r"\.nan|\.NaN|\.NAN", lambda _: math.nan),
]
LABEL = re.compile(r"[-+]?0[0-9]+", re.ASCII)
"""Numbers of the specification that are text here."""

WORDS_OF_1_1 = [
    *("y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO"),
    *("on", "On", "ON", "off", "Off", "OFF", "=", "<<"),
    *("010", "-010", "+07", "00", "0x_1F", "0b1010", "1_000", "1_000.5", "6.0_2e23"),
    *("1:30", "190:20:30", "-1:30", "1:30.5", "20:30:00"),
    *("2020-01-01", "2001-99-99", "2020-01-01T00", "2020-01-01T00:00:00Z", "2020-01-01 00:00:00"),
]
"""What YAML 1.1 takes for a boolean, a number, a date or a key of its own, and 1.2 for text."""
OF_BOTH = [
    ("true", True),
    ("TRUE", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("0", 0),
    ("-0", 0),
    ("+5", 5),
    ("12", 12),
    ("0o17", 15),
    ("0x1F", 31),
    ("1e3", 1000.0),
    ("1.", 1.0),
    (".5", 0.5),
    ("01.5", 1.5),
    ("-1.5E+2", -150.0),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("tRUE", "tRUE"),
    ("nULL", "nULL"),
    ("-0x1F", "-0x1F"),
    ("0o8", "0o8"),
    ("+.nan", "+.nan"),
    ("nan", "nan"),
    (".", "."),
    ("1e", "1e"),
    ("\u0661\u0662", "\u0661\u0662"),  # digits, and none of YAML's
]
TEXT_OF_BOTH = {"6.0_2e23", "2020-01-01T00"} | {w for w, value in OF_BOTH if w == value}
PLAIN = st.one_of(
    st.sampled_from([*WORDS_OF_1_1, *(word for word, _ in OF_BOTH)]),
    st.text("0123456789_+-.eExXoOabinfINFT:", max_size=8),
    st.from_regex(r"\A[-+]?[0-9_]{0,4}\.?[0-9_]{0,3}([eE][-+]?[0-9]{1,2})?\Z"),
    *(st.from_regex(rf"\A({pattern})\Z") for pattern, _ in SPECIFICATION),
)


def specified(word: str) -> Any:
    """Return the value of a plain word by the table of the specification."""
    if LABEL.fullmatch(word):
        return word
    for pattern, value in SPECIFICATION:
        if re.fullmatch(pattern, word, re.ASCII):
            return value(word)
    return word


def _same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and repr(found) == repr(wanted)


def _is_plain(word: str) -> bool:
    """Whether PyYAML's scanner sees one plain scalar: what a word is, not what it means."""
    try:
        events = list(yaml.parse(f"a: {word}\n", Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    return len(scalars) == 2 and scalars[1].value == word and scalars[1].style in (None, "")


@settings(deadline=None, derandomize=True, max_examples=200)
@given(PLAIN)
def test_a_plain_word_is_what_the_specification_says(word: str) -> None:
    word = word.strip()
    assert _same(plain_value(word), specified(word))
    if _is_plain(word):
        assert _same(parse_yaml(f"a: {word}\n", "it"), {"a": specified(word)})


@pytest.mark.parametrize("word", WORDS_OF_1_1)
def test_a_word_of_yaml_1_1_is_text_wherever_a_value_is_read(word: str) -> None:
    assert specified(word) == word
    assert parse_yaml(word, "it") == word
    assert parse_yaml(f"a: {word}", "it") == {"a": word}
    assert parse_yaml(f"- {word}\n- [{word}, x]", "it") == [word, [word, "x"]]
    assert parse_yaml(f"{{a: {word}}}", "it") == {"a": word}
    assert parse_yaml(f"a: &b {word}\nc: *b", "it") == {"a": word, "c": word}


@pytest.mark.parametrize(("word", "value"), OF_BOTH)
def test_the_words_of_yaml_1_2_have_their_values(word: str, value: Any) -> None:
    assert _same(specified(word), value)
    assert _same(parse_yaml(f"a: {word}", "it")["a"], value)
    assert _same(plain_value(word), value)


@pytest.mark.parametrize(
    "word", [*(w for w in WORDS_OF_1_1 if w != "<<"), *(w for w, _ in OF_BOTH if w != "")]
)
def test_a_key_is_text_as_it_is_written(word: str) -> None:
    assert parse_yaml(f"{word}: 1", "it") == {word: 1}
    assert parse_yaml(f"a: {{{word}: 1}}", "it") == {"a": {word: 1}}


def test_the_key_that_merges_is_left_of_yaml_1_1_and_is_text_in_quotes() -> None:
    assert parse_yaml("a: &x {no: 1}\nb: {<<: *x, on: 2}", "it")["b"] == {"no": 1, "on": 2}
    assert parse_yaml("'<<': 1", "it") == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [("!!int 010", 10), ("!!float 3", 3.0), ("!!str 12", "12"), ('!!bool "true"', True)],
)
def test_a_tag_has_its_value_by_yaml_1_2(text: str, value: Any) -> None:
    assert _same(parse_yaml(text, "it"), value)


@pytest.mark.parametrize(
    "text", ["!!bool yes", "!!int 1_000", "!!int 1:30", "!!float 1_0.5", "!!null no", "!!int ''"]
)
def test_a_tag_does_not_bring_back_the_words_of_yaml_1_1(text: str) -> None:
    with pytest.raises(ConfigError, match="a value is not what its tag or form says"):
        parse_yaml(text, "it")


@pytest.mark.parametrize("text", ["!!timestamp 2020-01-01", "!!binary eA==", "!!set {a}"])
def test_tags_of_other_than_plain_values_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="could not determine a constructor for the tag"):
        parse_yaml(text, "it")


WRITTEN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text() | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | PLAIN, inner),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.dictionaries(st.text() | PLAIN, WRITTEN, max_size=4))
def test_what_is_written_is_the_same_to_readers_of_yaml_1_1_and_1_2(tree: dict[str, Any]) -> None:
    text = dump_yaml(tree)
    assert repr(yaml.safe_load(text)) == repr(tree)
    if text.isprintable():
        assert repr(parse_yaml(text, "it")) == repr(tree)


@pytest.mark.parametrize("word", [*WORDS_OF_1_1, *(word for word, _ in OF_BOTH)])
def test_a_text_that_could_be_another_value_is_written_in_quotes(word: str) -> None:
    tree = {word: word, "list": [word]}
    text = dump_yaml(tree)
    assert parse_yaml(text, "it") == yaml.safe_load(text) == tree
    if word not in TEXT_OF_BOTH:
        assert re.search(rf"^list:\n- ['\"]{re.escape(word)}['\"]$", text, re.MULTILINE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.yaml"
    path.write_text("data: {path: a.nc}\n")
    return path


def _with(path: Path, override: str) -> SweepConfig:
    return load_config(path, [override]).config


def _refusal(path: Path, override: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _with(path, override)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("word", [word for word in WORDS_OF_1_1 if word != "<<"])
def test_names_and_labels_are_as_typed_in_an_override_and_in_a_file(word: str, path: Path) -> None:
    for setting in ("study", "data.variable", "data.select.member", "predictor.options.x"):
        config = _with(path, f"{setting}={word}")
        section, _, rest = setting.partition(".")
        found = config.model_dump()[section]
        for part in rest.split(".") if rest else ():
            found = found[part]
        assert found == word, setting
    assert _with(path, f"data.select={{{word}: {word}}}").data.select == {word: word}
    path.write_text(f"study: {word}\ndata: {{path: a.nc, variable: {word}, select: {{m: {word}}}}}")
    config = load_config(path).config
    assert (config.study, config.data.variable) == (word, word)
    assert config.data.select == {"m": word}


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("850", 850),
        ("-5", -5),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("6 hours", "6 hours"),
        ("'850'", "850"),
        ("'no'", "no"),
        ("500 hPa", "500 hPa"),
    ],
)
def test_a_selected_value_is_a_number_or_text(typed: str, value: Any, path: Path) -> None:
    assert _same(_with(path, f"data.select.level={typed}").data.select["level"], value)


SCRIPT = """
trainer:
  command: [python, train.py]
  given: {gradient_weight: 0.05, country: no}
  baseline: {gradient_weight: 0.0, country: off}
  metrics: m.json
objective: {targets: {gradient: 3.0, peak: 140}}
search:
  presets: baseline
  space:
    gradient_weight: {low: 0.01, high: 10.0, log: true}
    country: {choices: [se, no, dk, 010, 1:30]}
"""


def test_words_reach_a_script_as_they_are_written(path: Path) -> None:
    path.write_text(SCRIPT)
    config = load_config(path).config
    assert config.trainer is not None
    assert config.trainer.given["country"] == "no"
    assert config.trainer.baseline["country"] == "off"
    searched = config.search.space["script.country"].model_dump()
    assert searched == {"choices": ("se", "no", "dk", "010", "1:30")}


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ("[se, true, dk]", "has true among text; where text is meant put it in quotes, as 'true'"),
        ("[0.5, false]", "has false among numbers; where text is meant put it in quotes, as 'f"),
        ("[500, 1_000]", "has the text '1_000' among numbers; write it as a plain decimal number"),
        ("[1, 010]", "has the text '010' among numbers"),
        ("[90, 1:30]", "has the text '1:30' among numbers"),
        ("[se, ~]", ".1 must be a single value, found null; where text is meant put it in quo"),
    ],
)
def test_choices_of_mixed_kinds_are_refused(choices: str, said: str, path: Path) -> None:
    path.write_text(SCRIPT)
    message = _refusal(path, f"search.space.country.choices={choices}")
    assert message.startswith("search.space.")
    assert said in message


@pytest.mark.parametrize(
    "choices",
    [
        "[true, false]",
        "[1, 2.5]",
        "[auto, 0.5]",
        "[se, 'true', dk]",
        "['500', '1_000']",
        "[010, a]",
    ],
)
def test_choices_of_one_kind_are_taken_and_words_beside_numbers(choices: str, path: Path) -> None:
    path.write_text(SCRIPT)
    found = _with(path, f"search.space.country.choices={choices}").search.space["script.country"]
    written = [word.strip(" '") for word in choices.strip("[]").split(",")]
    assert [str(one).lower() for one in found.model_dump()["choices"]] == written


def test_a_stored_study_with_mixed_choices_can_still_be_read() -> None:
    space = {"predictor.options.x": {"choices": ["se", False]}}
    tree = {"data": {"path": "a.nc"}, "search": {"space": space}}
    config = SweepConfig.model_validate(json.loads(json.dumps(tree)))
    found = config.search.space["predictor.options.x"].model_dump()["choices"]
    assert found == ("se", False)


@pytest.mark.parametrize(
    ("override", "said", "mended"),
    [
        ("training.epochs=010", "training.epochs must be a number, found '010'", "10"),
        ("training.epochs=1_000", "training.epochs must be a number, found '1_000'", "1000"),
        ("objective.targets.peak=1_000.5", "objective.targets.peak must be a number", "1000.5"),
        ("training.learning_rate='007'", "training.learning_rate must be a number", None),
        ("training.epochs=1:30", "training.epochs must be a valid integer", None),
        ("training.epochs=true", "training.epochs must be a number, found true", None),
        ("budget.timeout=1:30", "must be a duration such as 90s", None),
        (
            "budget.stop_on_success=yes",
            "budget.stop_on_success must be true or false, found 'yes'",
            "true",
        ),
        ("budget.stop_on_success=Off", "must be true or false, found 'Off'", "false"),
        ("budget.stop_on_success='true'", "must be true or false, found 'true'", "true"),
        ("budget.stop_on_success=maybe", "must be true or false, found 'maybe' (in", None),
        ("search.space.learning_rate={low: 0.1, high: 1, log: on}", "log must be true or", None),
        ("search.space.learning_rate={low: 01, high: 2}", "low must be a number, found '01'", None),
    ],
)
def test_text_where_a_number_or_a_boolean_is_wanted_is_refused_with_what_to_write(
    override: str, said: str, mended: str | None, path: Path
) -> None:
    message = _refusal(path, override)
    assert said in message
    if mended is not None:
        assert re.search(rf"; [^;]*write {re.escape(mended)}( without quotes)? \(in", message)
        _with(path, f"{override.partition('=')[0]}={mended}")


@pytest.mark.parametrize(
    ("setting", "typed", "text"),
    [
        ("study", "true", "true"),
        ("study", "2020", "2020"),
        ("data.variable", "FALSE", "false"),
        ("data.variable", "850", "850"),
        ("data.select.member", "true", "true"),
        ("data.select.member", "null", "null"),
    ],
)
def test_the_advice_for_text_works_when_it_is_typed(
    setting: str, typed: str, text: str, path: Path
) -> None:
    message = _refusal(path, f"{setting}={typed}")
    assert message.startswith(f"{setting} must be ")
    in_a_shell = re.search(r"in a shell (\S+)", message)
    in_a_file = re.search(r"put it in quotes, as (\S+),", message)
    assert in_a_shell is not None
    assert in_a_file is not None
    (word,) = shlex.split(f"{setting}={in_a_shell[1]}")
    _with(path, word)
    assert parse_yaml(in_a_file[1], "it") == text


def test_what_is_exported_reads_the_same_in_a_script_with_pyyaml(path: Path) -> None:
    path.write_text(SCRIPT)
    tree = load_config(path, ["study=on", "trainer.given.when=2020-01-01"]).config.model_dump(
        mode="json"
    )
    text = dump_yaml(tree)
    assert yaml.safe_load(text) == tree
    assert "country: 'no'" in text
    path.write_text(text)
    assert load_config(path).config.model_dump(mode="json") == tree
