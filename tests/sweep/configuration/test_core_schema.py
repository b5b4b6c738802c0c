"""What a word of YAML is, beside the table of the specification."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.safe_yaml import parse_yaml
from tests.sweep.configuration.yaml_words import OF_BOTH, PLAIN, WORDS_OF_1_1, same, specified


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
    if _is_plain(word):
        assert same(parse_yaml(f"a: {word}\n", "it"), {"a": specified(word)})


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
    assert same(specified(word), value)
    assert same(parse_yaml(f"a: {word}", "it")["a"], value)


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
    assert same(parse_yaml(text, "it"), value)


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
