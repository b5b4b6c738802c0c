"""Values that a script assigns again: named before any trial, since the trial would be another."""

from pathlib import Path
from typing import Any

import pytest

from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.preflight import known_command_line
from fieldsharp.sweep.execution.script.reassigned_values import reassigned_values

PARSER = """
from argparse import ArgumentParser
parser = ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("-p", "--lr-patience", type=int)
parser.add_argument("--width", dest="channels", type=int)
"""


def _sentences(folder: Path, sources: dict[str, str], **settings: Any) -> list[str]:
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    tree = {"command": ["python", "train.py"], "project": str(folder), "metrics": "m.json"}
    found = ScriptSettings.model_validate({**tree, **settings})
    return reassigned_values(found, known_command_line(found))


GIVEN = {"lr": 0.1, "lr_patience": 4, "width": 8}


@pytest.mark.parametrize(
    ("statements", "flags"),
    [
        ("args = parser.parse_args()\nargs.lr_patience = 4", ["--lr-patience"]),
        ("args = parser.parse_args()\nargs.channels = 8\nargs.lr = -1e-3", ["--width", "--lr"]),
        (
            "if __name__ == '__main__':\n    args = parser.parse_args()\n"
            "    for net in ('a', 'b'):\n        args.channels = 8",
            ["--width"],
        ),
        ("def main():\n    args = parser.parse_args()\n    args.lr = 3\nmain()", ["--lr"]),
        # What is computed from the value, or set under a condition, or elsewhere, is none.
        ("args = parser.parse_args()\nargs.lr = args.lr * 2", []),
        ("args = parser.parse_args()\nif args.lr is None:\n    args.lr = 0.1", []),
        ("args.lr = 3\nargs = parser.parse_args()", []),
        ("args = parser.parse_args()\nother.lr = 3\nargs.depth = 2", []),
    ],
)
def test_an_argument_that_the_script_sets_itself_is_named(
    tmp_path: Path, statements: str, flags: list[str]
) -> None:
    told = _sentences(tmp_path, {"train.py": PARSER + statements}, given=GIVEN)
    assert [sentence.partition("so that ")[2].split()[0] for sentence in told] == flags


@pytest.mark.parametrize("words", [["--lr={rate}"], ["--lr", "{rate}"]])
@pytest.mark.parametrize("values", ["flags", "json", "env"])
def test_an_argument_whose_value_is_placed_in_the_command_is_named_too(
    tmp_path: Path, words: list[str], values: str
) -> None:
    source = PARSER + "args = parser.parse_args()\nargs.lr = 0.5\n"
    told = _sentences(
        tmp_path,
        {"train.py": source},
        command=["python", "train.py", *words],
        values=values,
        given={"rate": 0.1},
        baseline={"rate": 0.1},
    )
    assert len(told) == 1
    assert told[0].endswith("take that line out, or rate out of the settings")


@pytest.mark.parametrize(
    ("statement", "is_named"),
    [
        ("vars(args).update(load(args.config))", True),
        ("if args.config:\n    args.__dict__.update(load(args.config))", True),
        ("for k, v in load().items():\n    setattr(args, k, v)", True),
        ("config.update(vars(args))", False),
        ("vars(args).update({'device': 'cpu'})", False),
        ("setattr(args, 'device', load())", False),
        ("for k, v in load().items():\n    setattr(net, k, v)", False),
    ],
)
def test_an_update_of_all_arguments_is_named(
    tmp_path: Path, statement: str, is_named: bool
) -> None:
    source = PARSER + f"args = parser.parse_args()\n{statement}\n"
    told = _sentences(tmp_path, {"train.py": source}, given=GIVEN)
    assert ["all arguments may be replaced after" in one for one in told] == (
        [True] if is_named else []
    )


def test_the_sentence_says_where_and_what_to_do(tmp_path: Path) -> None:
    source = PARSER + "args = parser.parse_args()\nargs.lr_patience = 4\n"
    assert _sentences(tmp_path, {"train.py": source}, given=GIVEN) == [
        "train.py sets args.lr_patience to 4 itself (line 8), so that --lr-patience has no effect "
        "after it: take that line out, or lr_patience out of the settings"
    ]


@pytest.mark.parametrize(
    ("train", "is_named"),
    [
        ("from config import configs\nconfigs.lr = 0.5", True),
        ("import config as c\nc.configs.lr = 0.5", True),
        ("from config import *\nconfigs.lr = 0.5", True),
        ("from config import configs as c\ndef f():\n    c.lr = 0.5\nf()", True),
        ("from config import configs\nconfigs.lr = configs.lr / 2", False),
        ("from config import configs\nconfigs.lrs = 0.5", False),
        ("from other import configs\nconfigs.lr = 0.5", False),
    ],
)
def test_a_constant_that_another_module_sets_is_named(
    tmp_path: Path, train: str, is_named: bool
) -> None:
    config = "class C: pass\nconfigs = C()\nconfigs.lr = 0.1\n"
    told = _sentences(
        tmp_path,
        {"config.py": config, "other.py": config, "train.py": train},
        values="constants",
        names={"lr": "config:configs.lr"},
        given={"lr": 0.1},
        baseline={"lr": 0.1},
    )
    assert bool(told) is is_named
    if is_named:
        assert "config:configs.lr is set to 0.5 in line" in told[0]
