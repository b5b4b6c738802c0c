"""What the wheel holds, and what it says of itself."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fieldsharp.core.checkout import PROJECT
from tests.packaging.installed import build, install

FOLDERS = ("core", "fields", "model", "objectives", "storage", "sweep", "data", "configs")
EXTRAS = ("requirements-postgres.txt", "requirements-ray.txt", "requirements-grib.txt")
OF_TESTS = {"nbclient", "hydra-core", "lightning", "jsonargparse", "fsspec"}
"""Pinned with the extras, for tests and examples alone; fsspec is a requirement without extras."""


@pytest.fixture(scope="module")
def names(built: list[Path]) -> list[str]:
    return ZipFile(built[0]).namelist()


@pytest.fixture(scope="module")
def metadata(built: list[Path]) -> Message:
    file = ZipFile(built[0])
    [name] = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(file.read(name))


def test_one_root_is_installed_and_nothing_beside_it(names: list[str]) -> None:
    assert {name.partition("/")[0] for name in names} == {
        "fieldsharp",
        "fieldsharp-0.1.0.dist-info",
    }
    assert not [name for name in names if re.search(r"tests|benchmarks|research|__pycache__", name)]


def test_every_tracked_file_of_the_packages_is_in_it(names: list[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *FOLDERS, "fieldsharp"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    links = {f"fieldsharp/{folder}" for folder in FOLDERS}
    wanted = {
        path if path.startswith("fieldsharp/") else f"fieldsharp/{path}"
        for path in tracked
        if path not in links and (PROJECT / path).is_file()
    }
    assert wanted - set(names) == set()


def test_it_has_the_licence_and_where_the_data_come_from(built: list[Path]) -> None:
    file = ZipFile(built[0])
    assert "Apache License" in file.read("fieldsharp-0.1.0.dist-info/licenses/LICENSE").decode()
    assert "Copernicus" in file.read("fieldsharp/data/README.md").decode()


def test_it_is_below_three_megabytes(built: list[Path]) -> None:
    assert built[0].stat().st_size < 3_000_000


@pytest.mark.slow
def test_the_same_files_give_the_same_bytes_and_of_a_simulator_none_is_packed(
    built: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", PROJECT, copy], check=True)
    changed = subprocess.run(
        ["git", "diff", "--name-only", "HEAD"], cwd=PROJECT, capture_output=True, text=True
    ).stdout
    for path in changed.split():
        (copy / path).write_bytes((PROJECT / path).read_bytes())
    (copy / "data/mine.nc").write_bytes(b"simulated")
    [wheel] = build(copy, tmp_path / "again", "--wheel")
    assert wheel.read_bytes() == built[0].read_bytes()


def test_a_wheel_from_the_checkout_is_that_from_the_source_distribution(
    built: list[Path], tmp_path: Path
) -> None:
    [wheel] = build(PROJECT, tmp_path, "--wheel")
    assert wheel.read_bytes() == built[0].read_bytes()


@pytest.mark.outside
def test_an_editable_install_runs_the_checkout(tmp_path: Path) -> None:
    call = f"import os, hatchling.build as b; os.chdir({str(PROJECT)!r}); print(b.build_editable("
    made = subprocess.run(
        [sys.executable, "-c", f"{call}{str(tmp_path)!r}))"],
        capture_output=True,
        text=True,
        check=True,
    )
    editable = install(tmp_path / made.stdout.split()[-1], tmp_path / "v")
    found = "import fieldsharp, fieldsharp.sweep.interface.running as r; print(r.__file__)"
    done = editable.run(editable.python, "-c", found, cwd=tmp_path)
    assert done.stdout.strip() == str(PROJECT / "fieldsharp/sweep/interface/running.py")
    done = editable.run(editable.command, "--version", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("fieldsharp 0.1.0\n", "")


def _pins(*files: str) -> Iterator[tuple[str, str]]:
    for file in files:
        for line in (PROJECT / file).read_text().splitlines():
            if "==" in line:
                name, _, version = line.split("#")[0].strip().partition("==")
                yield canonicalize_name(name.partition("[")[0]), version


def _ranges(metadata: Message, *, extras: bool) -> dict[str, Requirement]:
    found = map(Requirement, metadata.get_all("Requires-Dist") or [])
    return {
        canonicalize_name(one.name): one
        for one in found
        if (one.marker is not None) == extras and one.name != "fieldsharp"
    }


def test_the_requirements_are_those_that_are_tested(metadata: Message) -> None:
    pins, ranges = dict(_pins("requirements.txt")), _ranges(metadata, extras=False)
    assert pins.keys() == ranges.keys()
    for name, version in pins.items():
        assert ranges[name].specifier.contains(version), f"{ranges[name]}, tested is {version}"


def test_the_extras_are_those_that_are_tested(metadata: Message) -> None:
    pins = dict(_pins(*EXTRAS, "requirements-integrations.txt"))
    ranges = _ranges(metadata, extras=True)
    assert pins.keys() - OF_TESTS == ranges.keys()
    for name, one in ranges.items():
        assert one.specifier.contains(pins[name]), f"{one}, tested is {pins[name]}"


def test_all_names_every_extra() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    [everything] = extras["all"]
    assert Requirement(everything).extras == extras.keys() - {"all"}
