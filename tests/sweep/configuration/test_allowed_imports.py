"""Classes of the user's: what may be imported, and that nothing is before that is decided."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.predictors.factory import predictor_class
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.trial_spec import TrialSpec

DATA = {"path": "a.nc"}


def _config(**sections: Any) -> SweepConfig:
    return SweepConfig.model_validate({"data": DATA, **sections})


def _refusal(**sections: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        _config(**sections)
    return str(caught.value.errors()[0]["msg"])


def _ensemble(member: str) -> dict[str, Any]:
    return {"name": "ensemble", "options": {"member": member}}


@pytest.mark.parametrize(
    ("plugins", "name"),
    [
        (["mine"], "mine:Net"),
        (["mine"], "mine.nets.small:Net"),
        (["mine.nets"], "mine.nets:Net"),
        (["other", "mine"], "mine:Net"),
        ([], "unet"),
    ],
)
def test_a_class_of_a_listed_module_or_inside_a_listed_package_may_be_named(
    plugins: list[str], name: str
) -> None:
    assert _config(plugins=plugins, predictor={"name": name}).run.plugins == tuple(plugins)
    if name != "unet":
        member = _config(plugins=plugins, predictor=_ensemble(name))
        assert member.predictor.options["member"] == name


@pytest.mark.parametrize(
    ("plugins", "name"),
    [
        ([], "mine:Net"),
        (["mine.nets"], "mine:Net"),
        (["mine"], "mineral:Net"),
        (["mine.nets"], "mine.netsuke:Net"),
        (["mine"], "mine..os:Net"),
        (["mine"], "mine./../os:Net"),
        (["mine"], " mine:Net"),
        (["mine"], ":Net"),
        (["mine"], "os:system"),
        (["mine"], "fieldsharp.model.predictors.unet:UNet"),
    ],
)
def test_any_other_is_refused_with_what_to_add(plugins: list[str], name: str) -> None:
    for setting, predictor in (
        ("predictor.name", {"name": name}),
        ("predictor.options.member", _ensemble(name)),
    ):
        said = _refusal(plugins=plugins, predictor=predictor)
        module = name.partition(":")[0]
        assert f"{setting} {name!r} is a class of the module {module!r}, and plugins lists" in said
        assert f"set plugins to [{', '.join([*plugins, module])}]" in said


@pytest.mark.parametrize("plugins", [(), ("mine",)])
def test_a_searched_class_is_held_to_the_list_too(plugins: tuple[str, ...]) -> None:
    space = {"predictor.name": {"choices": ["unet", "mine:Net"]}}
    if plugins:
        assert _config(plugins=plugins, search={"space": space}).searched("predictor.name")
        return
    assert "search.space.predictor.name 'mine:Net' is a class" in _refusal(search={"space": space})


def test_a_searched_member_is_held_to_it_where_an_ensemble_can_be_drawn() -> None:
    members = {"predictor.options.member": {"choices": ["unet", "mine:Net"]}}
    said = _refusal(predictor={"name": "ensemble"}, search={"space": members})
    assert "search.space.predictor.options.member 'mine:Net' is a class of the module" in said
    both = {"predictor.name": {"choices": ["unet", "ensemble"]}}
    said = _refusal(predictor={"options": {"member": "mine:Net"}}, search={"space": both})
    assert "predictor.options.member 'mine:Net' is a class of the module 'mine'" in said
    said = _refusal(predictor=_ensemble("antigravity"))
    assert "predictor.options.member: unknown predictor 'antigravity'" in said


@pytest.mark.parametrize(
    "plugins", ["mine", ["mine:Net"], ["../mine"], ["mine."], [""], [3], {"mine": 1}, ["*"]]
)
def test_a_list_that_names_no_modules_is_refused(plugins: Any) -> None:
    assert "names of modules" in (said := _refusal(plugins=plugins)) or "list of modules" in said


def test_what_a_worker_gets_carries_the_list_and_is_held_to_it() -> None:
    run = _config(plugins=["mine"], predictor={"name": "mine:Net"}).run_with({})
    assert run.plugins == ("mine",)
    sent = TrialSpec(number=0, run=run).model_dump(mode="json")
    assert TrialSpec.model_validate(sent).run == run
    sent["run"]["plugins"] = []
    with pytest.raises(ValidationError, match="plugins lists no module"):
        TrialSpec.model_validate(sent)


def test_a_bare_name_imports_no_module() -> None:
    sys.modules.pop("antigravity", None)
    with pytest.raises(ConfigError, match=r"member: unknown predictor 'antigravity'"):
        predictor_class("antigravity", "predictor.options.member")
    assert "antigravity" not in sys.modules


def test_what_is_no_predictor_is_not_called() -> None:
    with pytest.raises(ConfigError, match=r"it must be a subclass of torch\.nn\.Module"):
        predictor_class("os:system", "predictor.options.member")


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that leaves a file behind when it is imported, and then ends the program."""
    monkeypatch.syspath_prepend(tmp_path)
    sprung = tmp_path / "sprung"
    (tmp_path / "trap_for_tests.py").write_text(
        f"import pathlib, sys\npathlib.Path({str(sprung)!r}).touch()\nsys.exit(0)\n"
    )
    yield sprung
    sys.modules.pop("trap_for_tests", None)


@pytest.mark.parametrize(
    "settings",
    [
        {"predictor.name": "trap_for_tests:Net"},
        {"predictor.name": "ensemble", "predictor.options.member": "trap_for_tests:Net"},
        {"predictor.name": "ensemble", "predictor.options.member": "trap_for_tests"},
        {"search.space": "{predictor.name: {choices: [unet, 'trap_for_tests:Net']}}"},
    ],
    ids=["name", "member", "bare member", "searched"],
)
@pytest.mark.parametrize("command", ["start", "train", "check"])
def test_nothing_is_imported_that_is_not_listed(
    trap: Path,
    tiny_yaml: Path,
    tmp_path: Path,
    settings: dict[str, str],
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    folder = ["-o", "run"] if command == "train" else []
    assert main([command, str(tiny_yaml), *folder, *given]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not trap.exists()


def test_a_listed_module_that_ends_the_program_is_an_error(
    trap: Path, tiny_yaml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--set", "plugins=[trap_for_tests]", "--set", "predictor.name=trap_for_tests:Net"]
    assert main(["train", str(tiny_yaml), "-o", str(tmp_path / "run"), *given]) == 2
    assert "which fails when imported (SystemExit: 0)" in capsys.readouterr().err
    assert trap.exists()


def test_the_list_is_carried_by_what_is_written_and_read_again(tmp_path: Path) -> None:
    config = _config(plugins=["mine"], predictor={"name": "mine:Net"})
    path = tmp_path / "export.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")))
    assert load_config(path).config.plugins == ("mine",)
    assert RunSettings.model_fields["plugins"].default == ()


@pytest.mark.parametrize("setting", ["variant", "peak_variant"])
def test_a_loss_of_the_users_is_held_to_the_list_too(setting: str) -> None:
    loss = {setting: "mine.losses:steep"}
    assert "function of the module 'mine.losses', and plugins lists no module" in _refusal(
        loss=loss
    )
    assert getattr(_config(plugins=["mine"], loss=loss).loss, setting) == "mine.losses:steep"


def test_a_searched_loss_is_held_to_the_list_too() -> None:
    search = {"space": {"loss_variant": {"choices": ["sobel", "mine:steep"]}}}
    loss = {"gradient_weight": 1.0}
    assert "set plugins to [mine]" in _refusal(search=search, loss=loss)
    listed = _config(plugins=["mine"], search=search, loss=loss)
    assert listed.run_with({"loss.variant": "mine:steep"}).loss.variant == "mine:steep"


def test_a_bare_name_that_is_no_loss_is_refused_with_the_nearest() -> None:
    refusal = _refusal(loss={"variant": "sobell"}, plugins=["sobell"])
    assert "sobel" in refusal
    assert "package.module:function" in refusal


FNO = "neuralop.models:FNO"


def _image(module: Any = FNO, **options: Any) -> dict[str, Any]:
    return {"name": "image", "options": {"module": module, **options}}


@pytest.mark.parametrize(
    "predictor",
    [
        _image(),
        {**_image(), "name": "video"},
        {"name": "ensemble", "options": {"member": "image", "module": FNO}},
    ],
    ids=["image", "video", "member"],
)
def test_the_net_of_a_library_is_held_to_the_list_too(predictor: dict[str, Any]) -> None:
    said = _refusal(predictor=predictor)
    assert "predictor.options.module 'neuralop.models:FNO' is a net of the module" in said
    assert "set plugins to [neuralop.models]" in said
    assert _config(plugins=["neuralop"], predictor=predictor).predictor.options["module"] == FNO


@pytest.mark.parametrize("module", [None, 3, "FNO", ["a:b"]])
def test_a_net_that_is_no_path_is_refused(module: Any) -> None:
    said = _refusal(plugins=["neuralop"], predictor=_image(module))
    assert "predictor.options.module must name the net of the predictor image as" in said


def test_a_searched_net_is_held_to_the_list_too() -> None:
    space = {"predictor.options.module": {"choices": [FNO, "mine:Net"]}}
    said = _refusal(plugins=["neuralop"], predictor=_image(), search={"space": space})
    assert "search.space.predictor.options.module 'mine:Net' is a net of the module" in said
    by_name = {"predictor.name": {"choices": ["unet", "image"]}}
    said = _refusal(predictor={"options": {"module": FNO}}, search={"space": by_name})
    assert "'neuralop.models:FNO' is a net of the module" in said


@pytest.mark.parametrize("plugins", [[], ["mine"], ["__main__"]])
def test_a_class_of_a_notebook_is_to_be_written_into_a_file(plugins: list[str]) -> None:
    said = _refusal(plugins=plugins, predictor={"name": "__main__:Net"})
    assert "__main__ is the notebook or program that is running" in said
    assert "set plugins to [__main__]" not in said
    assert "plugins: [nets]" in said
