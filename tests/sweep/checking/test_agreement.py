"""What ``check`` refuses ``start`` refuses too, in the same sentence."""

from pathlib import Path
from typing import Any

import pytest
import torch
import xarray as xr

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.losses.custom_term import check_own_term
from fieldsharp.sweep.checking.checks import check_script
from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight

PARSER = (
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--learning_rate')\n"
    "p.add_argument('--amp', action='store_true')\np.add_argument('--ema', action='store_true', "
    "default=True)\np.parse_args()\n"
)
HYDRA = "import hydra\n@hydra.main(config_path='.')\ndef main(cfg): ...\nmain()\n"
CONSTANTS = "class C: ...\nconfigs = C()\nconfigs.lr = 0.1\ndef f():\n    late.lr = 1\n"


def _config(project: Path, trainer: dict[str, Any], source: str = "") -> SweepConfig:
    (project / "train.py").write_text(source, encoding="utf-8")
    (project / "own.py").write_text(CONSTANTS, encoding="utf-8")
    (project / "c.yaml").write_text("optimizer: {lr: 0.1}\n", encoding="utf-8")
    (project / "sub").mkdir(exist_ok=True)
    (project / "sub" / "c.yaml").write_text("lr: 0.1\n", encoding="utf-8")
    tree = {
        "trainer": {
            "command": ["python", "train.py"],
            "project": str(project),
            "given": {"learning_rate": 0.001},
            "baseline": {"learning_rate": 0.001},
            "metrics": "m.json",
            **trainer,
        },
        "objective": {"targets": {"gradient": 3.0, "peak": 140.0}},
        "search": {"space": {"learning_rate": {"low": 1e-5, "high": 0.1}}},
    }
    return validate(tree, "the test")


@pytest.mark.parametrize(
    ("trainer", "source", "sentence"),
    [
        (
            {"command": ["python", "train.py", "--lr={learning_rat}"]},
            "",
            "trainer.command has {learning_rat} in '--lr={learning_rat}', and learning_rat is "
            "neither searched nor under trainer.given; did you mean {learning_rate}? The text "
            "{learning_rat} itself is written {{learning_rat}}",
        ),
        (
            {"then": ["python", "train.py", "{x}"]},
            "",
            "trainer.then has {x} in '{x}', and x is neither searched nor under trainer.given",
        ),
        (
            {"given": {"learning_rate": 1, "learning_rates": 2}},
            PARSER,
            "learning_rates would be passed as --learning-rates, and the script takes no such "
            "flag; did you mean --learning_rate?",
        ),
        (
            {"command": ["python", "train.py", "--learning_rte={learning_rate}"]},
            PARSER,
            "trainer.command has --learning_rte, and the script takes no such flag; did you mean "
            "--learning_rate?",
        ),
        (
            {"given": {"learning_rate": 1, "amp": 1}},
            PARSER,
            "the flag --amp of the script takes no value, and 1 is given",
        ),
        (
            {"given": {"learning_rate": 1, "ema": False}},
            PARSER,
            "the flag --ema of the script is true whether it is there or not, and false is given",
        ),
        (
            {},
            HYDRA,
            "learning_rate would be passed as the flag --learning-rate, and the script is one of "
            "Hydra's, which takes key=value; put a word such as optimizer.lr={learning_rate}",
        ),
        (
            {"names": {"learning_rate": "c.yaml:optimizer.lrr"}},
            "",
            "c.yaml has no entry optimizer.lrr: did you mean optimizer.lr?",
        ),
        ({"names": {"learning_rate": "d.yaml:lr"}}, "", "names the file 'd.yaml', and"),
        (
            {"names": {"learning_rate": "sub/c.yaml:lr"}, "links": ["sub"]},
            "",
            "trainer.names names the file 'sub/c.yaml', in 'sub' of trainer.links, which is not",
        ),
        ({"names": {"learning_rate": "../c.yaml:lr"}}, "", "which lies outside the project"),
        ({"names": {"learnng_rate": "--lr"}}, "", "trainer.names names learnng_rate, which is"),
        (
            {"names": {"learning_rate": "own:configs.lr"}},
            "",
            "trainer.names.learning_rate is 'own:configs.lr', a constant of a module, and "
            "trainer.values is flags; set trainer.values to constants",
        ),
        (
            {"names": {"learning_rate": "own:config.lr"}, "values": "constants"},
            "",
            "own.py assigns no config.lr: did you mean configs.lr?",
        ),
        ({"metrics": "../m.json"}, "", "trainer.metrics is '../m.json', outside the folder"),
        ({"command": ["python", "trian.py"]}, "", "trainer.command runs trian.py, and"),
    ],
)
def test_a_wrong_script_is_refused_by_both_in_the_same_sentence(
    tmp_path: Path, trainer: dict[str, Any], source: str, sentence: str
) -> None:
    config = _config(tmp_path, trainer, source)
    with pytest.raises(ConfigError) as raised:
        run_preflight(config)
    failed = [check for check in check_script(config) if not check.ok]
    assert sentence in str(raised.value)
    detail, _, fix = str(raised.value).partition("; ")
    assert [(check.detail, check.fix) for check in failed] == [(detail, fix)]


@pytest.mark.parametrize(
    ("trainer", "source"),
    [
        ({}, PARSER),
        ({"command": ["python", "train.py", "optimizer.lr={learning_rate}"]}, HYDRA),
        ({"names": {"learning_rate": "c.yaml:optimizer.lr"}}, PARSER),
        ({"names": {"learning_rate": "own:configs.lr"}, "values": "constants"}, ""),
        ({"given": {"learning_rate": 1, "other": 2}}, PARSER.replace("parse_a", "parse_known_a")),
        ({"ask_help": True}, PARSER),
    ],
)
def test_a_right_script_is_accepted_by_both(
    tmp_path: Path, trainer: dict[str, Any], source: str
) -> None:
    config = _config(tmp_path, trainer, source)
    run_preflight(config)
    assert [check for check in check_script(config) if not check.ok] == []


def test_help_that_fails_is_refused_with_what_it_printed(tmp_path: Path) -> None:
    config = _config(tmp_path, {"ask_help": True}, "raise SystemExit('no such thing')\n")
    with pytest.raises(ConfigError) as raised:
        run_preflight(config)
    assert "ended with exit code 1 (the last it printed: no such thing)" in str(raised.value)


def ignores_the_mask(
    pred_BTCHW: torch.Tensor, target_BTCHW: torch.Tensor, mask_HW: torch.Tensor
) -> torch.Tensor:
    return ((pred_BTCHW - target_BTCHW) ** 2).mean(dim=(1, 2, 3, 4))


def test_a_loss_term_that_ignores_the_mask_is_refused() -> None:
    pred = torch.zeros(2, 1, 1, 4, 4)
    target, mask = torch.rand(2, 1, 1, 4, 4), torch.ones(4, 4, dtype=torch.bool)
    name, climatology = f"{__name__}:ignores_the_mask", torch.zeros(1, 4, 4)
    check_own_term(name, "loss.variant", pred, target, mask, climatology)
    mask[0, 0] = False
    with pytest.raises(ConfigError, match=r"changes with the values of masked cells.*torch\.where"):
        check_own_term(name, "loss.variant", pred, target, mask, climatology)


def test_a_gradient_that_is_not_finite_is_refused_before_any_check(
    tiny_yaml: Path, plumes: xr.Dataset
) -> None:
    from fieldsharp.sweep.checking.checks import open_context
    from fieldsharp.sweep.configuration.config_file import load_config

    own = "tests.sweep.checking.faulty:root_of_the_change"
    config = load_config(
        tiny_yaml, ["plugins=[tests.sweep.checking]", f"search.space.loss_variant.choices=[{own}]"]
    ).config
    sentences = []
    for look in (open_context, run_preflight):
        with pytest.raises(ConfigError) as raised:
            look(config)
        sentences.append(str(raised.value))
    assert sentences[0] == sentences[1]
    assert "has a gradient that is not finite on persistence" in sentences[0]
