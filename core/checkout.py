"""Where this program lies: in a checkout, or installed as a package."""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
"""The folder of ``configs`` and ``data``: the checkout's, or the installed package's own."""
IS_CHECKOUT = (PROJECT / "run_sweep.py").is_file()
PACKAGE = PROJECT / "fieldsharp" if IS_CHECKOUT else PROJECT
_MARKS = ("pipx_metadata.json", "uv-receipt.toml")


def version() -> str:
    """Return the version of this program."""
    if IS_CHECKOUT:  # of another one, or of an earlier state, may be installed
        with (PROJECT / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    try:
        return installed_version("fieldsharp")
    except PackageNotFoundError:  # its folder was copied
        return "unknown"


def is_tool_environment() -> bool:
    """Return whether pipx or uv made the environment of this process for this program alone."""
    return any((Path(sys.prefix) / mark).is_file() for mark in _MARKS)


def install_command(extra: str, package: str = "") -> str:
    """Return the command that installs what an optional part of this program needs.

    Args:
        extra: Name of the extra; of a checkout, of its requirements file.
        package: The one that it needs, where a checkout has no requirements file of the extra.
    """
    if IS_CHECKOUT:
        return f"python -m pip install {package or f'-r requirements-{extra}.txt'}"
    wanted = f'"fieldsharp[{extra}]"'
    if (Path(sys.prefix) / _MARKS[0]).is_file():
        return f"pipx runpip fieldsharp install {wanted}"
    if (Path(sys.prefix) / _MARKS[1]).is_file():
        return f"uv pip install --python {sys.executable} {wanted}"
    return f"{sys.executable} -m pip install {wanted}"
