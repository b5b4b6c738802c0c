import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.ray.transfer import (
    data_mb,
    pack_data,
    unpack_data,
    worker_environment,
)


def _with(config: SweepConfig, **changes: object) -> SweepConfig:
    return SweepConfig.model_validate({**config.model_dump(), **changes})


@pytest.mark.outside
def test_the_code_that_travels_is_all_a_worker_imports(tiny_config: SweepConfig) -> None:
    with worker_environment(tiny_config) as environment:
        assert not list(Path(environment["working_dir"]).rglob("*.pyc"))
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys, fieldsharp.sweep.execution.local.worker as w; print(w.__file__); "
                "sys.exit('optuna' in sys.modules)",  # a worker knows no database
            ],
            cwd=environment["working_dir"],
            env={"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(environment["working_dir"])
    assert "pip" not in environment


def test_a_module_of_the_users_travels_too(
    tiny_config: SweepConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "travelling_nets.py").write_text("WIDTH = 3\n")
    (tmp_path / "travelling_losses").mkdir()
    (tmp_path / "travelling_losses" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    plugins = ["travelling_nets", "travelling_losses.sharp", "json"]
    with worker_environment(_with(tiny_config, plugins=plugins)) as environment:
        folder = Path(environment["working_dir"])
        assert (folder / "travelling_nets.py").read_text() == "WIDTH = 3\n"
        assert (folder / "travelling_losses" / "__init__.py").exists()
        assert not (folder / "json").exists()


def test_a_module_that_is_not_there_is_refused(tiny_config: SweepConfig) -> None:
    config = _with(tiny_config, plugins=["no_such_module"])
    refused = pytest.raises(ConfigError, match="no_such_module, which is not there")
    with refused, worker_environment(config):
        pass


def test_requirements_are_those_of_a_sweep(tiny_config: SweepConfig) -> None:
    config = _with(tiny_config, ray={"packages": "requirements"})
    with worker_environment(config) as environment:
        lines = Path(environment["pip"]).read_text().splitlines()
        assert any(line.startswith("torch==") for line in lines)
        # Ray sets the variable on the node to the folder where the staged code is.
        assert "-c ${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/constraints.txt" in lines
        assert "-c constraints.txt" not in lines
        staged = Path(environment["working_dir"]) / "constraints.txt"
        assert staged.read_text() == (PROJECT / "constraints.txt").read_text()


def test_a_data_file_arrives_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "field.nc"
    file.write_bytes(bytes(range(256)))
    (arrived,) = unpack_data(pack_data([file]), tmp_path / "there", [file])
    assert arrived == tmp_path / "there" / "field.nc"
    assert arrived.read_bytes() == file.read_bytes()
    again = unpack_data(pack_data([file]), tmp_path / "there", [file])
    assert again == (arrived,)  # a second worker of the node
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["field.nc"]


def test_a_store_of_many_files_arrives_as_it_was(tmp_path: Path) -> None:
    store = tmp_path / "field.zarr"
    (store / "humidity" / "c").mkdir(parents=True)
    (store / "humidity" / "c" / "0").write_bytes(b"chunk")
    (arrived,) = unpack_data(pack_data([store]), tmp_path / "there", [store])
    assert (arrived / "humidity" / "c" / "0").read_bytes() == b"chunk"


def test_files_of_several_folders_arrive_in_their_order(tmp_path: Path) -> None:
    files = [tmp_path / "of" / name for name in ("2002/era5.nc", "2001/era5.nc", "land.nc")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(file))
    arrived = unpack_data(pack_data(files), tmp_path / "there", files)
    assert [path.read_text() for path in arrived] == [str(file) for file in files]
    assert len({path.parent for path in arrived}) == 3
    assert all(path.is_relative_to(tmp_path / "there") for path in arrived)


def test_large_data_is_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "field.nc"
    file.write_bytes(bytes(2 * 2**20))
    assert data_mb([file]) == 2
