"""Values in a script's command, its flags as its source has them, and entries of its files."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.execution.script.file_values import replace_entries
from fieldsharp.sweep.execution.script.flags_in_help import parse_help
from fieldsharp.sweep.execution.script.launch import prepare
from fieldsharp.sweep.study.trial_events import TrialDone
from tests.sweep.execution.script.scripts import ALL_WELL, run_script

ARGPARSE = """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--learning_rate", type=float)
p.add_argument("--batch-size", type=int)
p.add_argument("--amp", action="store_true")
p.add_argument("--shuffle", action=argparse.BooleanOptionalAction)
p.add_argument("--no_bias", action="store_false", dest="bias")
p.add_argument("--ema", type=bool, default=True)
p.add_argument("--milestones", nargs="+", type=int)
p.add_argument("-w", type=float)
p.add_argument("-frames_input", type=int)
p.add_argument("name", nargs="?")
print(vars(p.parse_args()))
"""


def _call(folder: Path, source: str = "", **settings: Any) -> list[str]:
    """Return the first command's words after the script."""
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(source, encoding="utf-8")
    tree = {"command": ["python", "train.py"], "project": str(folder), "metrics": "m.json"}
    trainer = ScriptSettings.model_validate({**tree, **settings})
    return prepare(trainer, folder, {})[0].command[2:]


def test_names_in_braces_are_values_and_other_braces_stay(tmp_path: Path) -> None:
    words = ["m.lr={lr}", "{lr}", "{{lr}}", "{a: 1}", "{}", "{a,b}", "${lr}", "{project}", "-w{lr}"]
    found = _call(tmp_path, command=["python", "train.py", *words], given={"lr": 1e-05, "other": 2})
    assert found == [
        *("m.lr=1e-05", "1e-05", "{lr}", "{a: 1}", "{}", "{a,b}", "${lr}", str(tmp_path)),
        *("-w1e-05", "--other", "2"),
    ]


def test_a_value_placed_in_then_is_not_passed_again_under_any_way(tmp_path: Path) -> None:
    then = ["python", "train.py", "--ckpt={run}"]
    for values in ("flags", "json", "env", "constants"):
        assert _call(tmp_path, then=then, values=values, given={"run": "best"}) == []
    values_file = tmp_path / "sweep-values.json"
    assert json.loads(values_file.read_text()) == {}


def test_flags_are_spelled_and_filled_as_argparse_reads_them(tmp_path: Path) -> None:
    given_values = {
        "learning_rate": -1e-05,
        "batch_size": 4,
        "amp": True,
        "shuffle": False,
        "bias": False,
        "ema": False,
        "milestones": [10, 20],
        "weight": -1e-05,
        "frames_input": 12,
    }
    ran = run_script(tmp_path, ARGPARSE + ALL_WELL, given=given_values, names={"weight": "-w"})
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.printed.splitlines()[0] == str(
        {
            "learning_rate": -1e-05,
            "batch_size": 4,
            "amp": True,
            "shuffle": False,
            "bias": False,
            "ema": False,
            "milestones": [10, 20],
            "w": -1e-05,
            "frames_input": 12,
            "name": None,
        }
    )


def test_false_gives_no_word_where_a_flag_is_only_there_or_not(tmp_path: Path) -> None:
    assert _call(tmp_path, ARGPARSE, given={"amp": False, "bias": True}) == []
    assert _call(tmp_path, given={"amp": False}) == ["--amp", "false"]


CLICK = """
import click
@click.command()
@click.option("--learning_rate")
@click.option("--amp/--no-amp")
@click.option("--fast", is_flag=True)
@click.option("--m", multiple=True)
def main(**k): ...
"""


def test_flags_of_click_and_of_an_imported_module(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").touch()
    (tmp_path / "own" / "flags.py").write_text(CLICK, encoding="utf-8")
    values = {"learning_rate": 1.5, "amp": False, "fast": True, "m": [1, 2]}
    found = _call(tmp_path, "from own.flags import main\nmain()\n", given=values)
    assert found == ["--learning_rate", "1.5", "--no-amp", "--fast", "--m", "1", "--m", "2"]


TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["10", "a,b", "a=b", "it's", "\\'", "on"]))


@given(value=st.one_of(TEXTS, st.integers(), st.booleans(), st.floats(-1e9, 1e9)))
def test_hydra_and_omegaconf_read_every_value_as_it_is(value: Any) -> None:
    if isinstance(value, str) and ("$" in value or not value.isprintable()):
        return  # an interpolation; control characters
    values: dict[str, Any] = {"x": value}
    (word,) = CommandLine(grammar="hydra").fill("a.b={x}", values, "")
    found = OverridesParser.create().parse_override(word).value()
    assert type(getattr(found, "text", found)) is type(value)
    assert getattr(found, "text", found) == value
    (word,) = CommandLine(grammar="omegaconf").fill("a.b={x}", values, "")
    assert OmegaConf.from_dotlist([word]).a.b == value


YAML = b"""# top
defaults:
  - model: unet   # kept
optimizer:  {lr: 1e-3, name: adam}  # kept
layers:
  - {width: 8}
  - width: 16
milestones:
  - 1
  - 2
# after
empty:
block: |
  a
  b
ref: ${optimizer.lr}
base: &b {x: 1}
use:
  <<: *b
"""


def test_only_the_value_of_a_yaml_file_changes_for_readers_of_both_versions() -> None:
    values: dict[str, Any] = {
        "optimizer.lr": 1e-05,
        "layers.1.width": 4,
        "defaults.0.model": "on",
        "milestones": (3, 4),
        "empty": -2,
        "block": "it's",
        "ref": "010",
    }
    changed = replace_entries(YAML, values, Path("a.yaml")).decode()
    assert "optimizer:  {lr: 1.0e-05, name: adam}  # kept\n" in changed
    assert "- model: 'on'   # kept\n" in changed
    assert "# after\n" in changed
    tree = yaml.safe_load(changed)
    assert tree["optimizer"]["lr"] == 1e-05
    assert tree["milestones"] == [3, 4]
    assert (tree["defaults"][0]["model"], tree["empty"], tree["block"], tree["ref"]) == (
        *("on", -2, "it's", "010"),
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("optimizer.lrr", 1, "has no entry optimizer.lrr: did you mean optimizer.lr?"),
        ("lr", 1, "has no entry lr: did you mean optimizer.lr?"),
        ("optimizer", 1, "has entries below optimizer, which is no single value"),
        ("base.x", 2, "has an anchor in line 17 that other places refer to"),
        ("milestones", 1, "has a list at milestones, and the value is a single value"),
    ],
)
def test_an_entry_that_cannot_be_changed_alone_is_refused(key: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        replace_entries(YAML, {key: value}, Path("a.yaml"))
    assert words in str(raised.value)


def test_several_documents_are_refused() -> None:
    with pytest.raises(ConfigError, match="has several documents"):
        replace_entries(b"a: 1\n---\na: 2\n", {"a": 3}, Path("a.yml"))


@given(
    value=st.one_of(
        st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(-1e300, 1e300)
    )
)
def test_any_value_is_read_back_from_each_format(value: Any) -> None:
    encodable = not isinstance(value, str) or value.isprintable()
    for name, source, read in (
        ("a.json", b'{"a": {"lr": 1}}', json.loads),
        ("a.toml", b"[a]\nlr = 1 # c\n", tomllib.loads),
        ("a.yaml", b"a:\n  lr: 1 # c\n", yaml.safe_load),
    ):
        if name != "a.json" and not encodable:
            continue
        found = read(replace_entries(source, {"a.lr": value}, Path(name)).decode())
        assert found["a"]["lr"] == value
        assert type(found["a"]["lr"]) is type(value)


def test_comments_and_order_of_toml_and_the_indentation_of_json_stay() -> None:
    toml = b"# t\n[tool.x]   # h\nlr = 1e-3  # c\n  deep.er = 2\n"
    assert replace_entries(toml, {"tool.x.lr": 1e-05}, Path("a.toml")) == toml.replace(
        b"1e-3", b"1e-05"
    )
    source = b'{\n\t"z": {\n\t\t"lr": 0.1\n\t},\n\t"a": "\xc3\xb6"\n}\n'
    assert replace_entries(source, {"z.lr": 2}, Path("a.json")) == source.replace(b"0.1", b"2")


def test_a_file_is_written_in_the_copy_alone_whatever_way_the_rest_goes(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    config = tmp_path / "project" / "config.yaml"
    config.write_text("optimizer: {lr: 1.0}\n", encoding="utf-8")
    source = "import os, sys\nprint(open('config.yaml').read(), os.environ['B'], sys.argv[1:])\n"
    ran = run_script(
        tmp_path,
        source + ALL_WELL,
        values="env",
        given={"a": 1e-05, "b": 2},
        names={"a": "config.yaml:optimizer.lr"},
    )
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.printed.startswith("optimizer: {lr: 1.0e-05}\n 2 []")
    assert config.read_text(encoding="utf-8") == "optimizer: {lr: 1.0}\n"


def test_flags_are_read_from_help_texts() -> None:
    text = """usage: t [-h] [--amp] [--lr LR]

options:
  -h, --help         show this
  --lr LR            rate
  --amp, --no-amp    mixed
  --m M [M ...]      several
  --fast / --slow    click's
  --rate FLOAT
"""
    found = parse_help(text)
    assert {name: flag.takes for name, flag in found.items()} == {
        **{"-h": "nothing", "--help": "nothing", "--lr": "value", "--amp": "nothing"},
        **{"--no-amp": "nothing", "--m": "words", "--fast": "nothing", "--slow": "nothing"},
        "--rate": "value",
    }
    assert found["--amp"].negative == "--no-amp"
