"""What messages name as the words to type."""

import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import install_command, is_tool_environment
from fieldsharp.core.program_name import (
    VARIABLE,
    program,
    program_elsewhere,
    started_as_package,
    usage_name,
)
from fieldsharp.storage.lock_owner import LockOwner, already_running
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.execution.script.launch import find_program
from tests.packaging.installed import Installed


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")


def _executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_in_a_checkout_it_is_run_sweep_py() -> None:
    assert (program(), program_elsewhere()) == ("python run_sweep.py", "python run_sweep.py")
    assert usage_name() == "run_sweep.py"


def test_a_command_on_the_path_is_named_and_another_by_its_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_path, other = (_executable(tmp_path / f / "fieldsharp") for f in ("bin", "my env"))
    monkeypatch.setenv("PATH", str(on_path.parent))
    started_as_package(str(on_path))
    assert program() == "fieldsharp"
    started_as_package(str(other))
    assert program() == f"'{other}'"
    assert (program_elsewhere(), usage_name()) == ("fieldsharp", "fieldsharp")
    message = str(already_running("s", LockOwner(7, "", alive=True)))
    assert f"stop it with '{other}' stop" in message


def test_the_module_is_named_with_its_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    started_as_package("/somewhere/fieldsharp/__main__.py")
    assert program() == "python -m fieldsharp"
    monkeypatch.setenv("PATH", str(tmp_path))
    started_as_package("/somewhere/fieldsharp/__main__.py")
    assert program() == f"{sys.executable} -m fieldsharp"


@pytest.mark.outside
def test_messages_of_the_installed_commands_can_be_typed(
    installed: Installed, tmp_path: Path
) -> None:
    done = installed.run(installed.command, "start", "configs/quickstart.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: configuration configs/quickstart.yaml does not exist; give a YAML file, such as "
        f"`{installed.command} example > sweep.yaml` writes\n"
    )
    shown = installed.run(installed.command, "example", cwd=tmp_path)
    (tmp_path / "sweep.yaml").write_text(shown.stdout)
    wrong = installed.run(installed.python, "-m", "fieldsharp", "start", "--no", cwd=tmp_path)
    assert f"see {installed.python} -m fieldsharp start --help" in wrong.stderr
    told = installed.run(installed.command, "start", "sweep.yaml", "--from", "x", cwd=tmp_path)
    assert "no database at sweeps.db" in told.stderr, "the data of the example were found"


@pytest.mark.outside
@pytest.mark.parametrize("name", ["plumes", "weather"])
def test_an_example_names_the_command_that_makes_its_data(
    name: str, installed: Installed, tmp_path: Path
) -> None:
    shown = installed.run(installed.command, "example", name, cwd=tmp_path).stdout
    assert f"-m fieldsharp.data.{name} -o {name}" in shown
    assert "../" not in shown


@pytest.mark.parametrize("mark", ["pipx_metadata.json", "uv-receipt.toml"])
def test_in_the_environment_of_a_tool_python_is_that_of_the_path(
    mark: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = ScriptSettings(command=("python", "train.py"), given={"lr": 1.0}, metrics="m.json")
    theirs = _executable(tmp_path / "bin" / "python")
    monkeypatch.setenv("PATH", str(theirs.parent))
    assert find_program(settings, "python") == sys.executable
    (tmp_path / mark).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert is_tool_environment()
    assert find_program(settings, "python") == str(theirs)
    monkeypatch.setenv("PATH", "")
    assert find_program(settings, "python") == sys.executable


def test_advice_to_install_an_extra_names_its_requirements_file() -> None:
    assert install_command("ray") == "python -m pip install -r requirements-ray.txt"
    assert (Path(__file__).parents[2] / "requirements-ray.txt").is_file()
