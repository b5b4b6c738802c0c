"""YAML that is written, read by the words of YAML 1.1 and 1.2."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml, parse_yaml
from tests.sweep.configuration.yaml_words import OF_BOTH, PLAIN, SCRIPT, TEXT_OF_BOTH, WORDS_OF_1_1

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


def test_what_is_exported_reads_the_same_in_a_script_with_pyyaml(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(SCRIPT)
    tree = load_config(path, ["study=on", "trainer.given.when=2020-01-01"]).config.model_dump(
        mode="json"
    )
    text = dump_yaml(tree)
    assert yaml.safe_load(text) == tree
    assert "country: 'no'" in text
    path.write_text(text)
    assert load_config(path).config.model_dump(mode="json") == tree
