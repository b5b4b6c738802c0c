"""constraints.txt: the exact version of every package that the requirements files bring in."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from fieldsharp.core.checkout import PROJECT

AUDIT = "requirements-audit.txt"
"""Of a program with an environment of its own."""
FILES = sorted(file for file in PROJECT.glob("requirements*.txt") if file.name != AUDIT)
UNPINNED = re.compile(r"nvidia-|cuda-|triton$|setuptools$")
"""Packages of CUDA, which torch's metadata pins, and what a new environment may bring itself."""
ADVICE = (
    "install constraints.txt (`make test` does), or write it anew with `make constraints` if a "
    "requirements file has changed"
)


def _requirements(file: Path) -> Iterator[Requirement]:
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text and not text.startswith("-"):
            yield Requirement(text)


def _pinned() -> dict[str, str]:
    """Return the version of each package in constraints.txt."""
    return {
        canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in _requirements(PROJECT / "constraints.txt")
    }


def _needed(files: list[Path]) -> dict[str, str | None]:
    """Return each package that the files bring in, with the installed version, None for none.

    What a package needs is known only where it is installed.
    """
    found: dict[str, str | None] = {}
    seen: set[tuple[str, str]] = set()
    todo = [requirement for file in files for requirement in _requirements(file)]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            found[name] = None
            continue
        found[name] = Version(package.version).public
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            further = map(Requirement, package.requires or ())
            todo += [r for r in further if not r.marker or r.marker.evaluate({"extra": extra})]
    return found


def _stale(needed: Mapping[str, str | None], pinned: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the pinned versions, a sentence each."""
    wrong = []
    for name, installed in sorted(needed.items()):
        if UNPINNED.match(name):
            continue
        if name not in pinned:
            wrong.append(f"{name} is not in constraints.txt")
        elif installed is not None and Version(installed) != Version(pinned[name]):
            wrong.append(f"{name} {installed} is installed, constraints.txt has {pinned[name]}")
    return wrong


def test_every_installed_package_is_the_one_of_the_constraints() -> None:
    wrong = _stale(_needed(FILES), _pinned())
    assert not wrong, f"{'; '.join(wrong)}: {ADVICE}"


def test_a_requirement_is_pinned_to_the_same_version_in_both_files() -> None:
    pinned = _pinned()
    for requirement in (r for file in FILES for r in _requirements(file)):
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}, {version}: {ADVICE}"


def test_a_stale_version_and_a_missing_package_are_found() -> None:
    pinned = {"numpy": "2.4.5"}
    needed = {"numpy": "2.4.6", "scipy": "1.17.1", "ray": None, "nvidia-nccl-cu12": "2"}
    assert _stale(needed, pinned) == [
        "numpy 2.4.6 is installed, constraints.txt has 2.4.5",
        "ray is not in constraints.txt",
        "scipy is not in constraints.txt",
    ]


def test_packages_that_others_need_are_followed() -> None:
    needed = _needed([PROJECT / "requirements.txt"])
    assert {"optuna", "alembic", "mako", "markupsafe"} <= needed.keys()
    assert "pytest" not in needed


def test_every_constraint_is_an_exact_version_that_every_platform_has() -> None:
    for requirement in _requirements(PROJECT / "constraints.txt"):
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert Version(specifier.version).local is None, requirement


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_whoever_installs_a_requirements_file_installs_the_constraints(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert "-c constraints.txt" in lines or "-r requirements.txt" in lines
