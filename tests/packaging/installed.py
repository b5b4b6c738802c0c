"""An environment in which the wheel of this checkout is installed, without any download."""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installed:
    """Where the package is installed, and its commands."""

    python: Path

    @property
    def command(self) -> str:
        return str(self.python.parent / "fieldsharp")

    def run(
        self, *words: str | Path, cwd: Path, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in a folder, with nothing of this checkout on its path."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SWEEP_"))}
        return subprocess.run(
            list(map(str, words)),
            cwd=cwd,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )


def build(source: Path, folder: Path, *options: str) -> list[Path]:
    """Build the package into a folder and return its files, by their names."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *options, "-o", folder, source],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1600000000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.iterdir())


def install(wheel: Path, folder: Path) -> Installed:
    """Install a wheel into a new environment, which finds its requirements in that of the tests."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    tests = sysconfig.get_path("purelib")
    [packages] = (folder / "lib").glob("python*/site-packages")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python),
            *("install", "--no-deps", "--no-index", "--quiet", wheel),
        ],
        check=True,
        capture_output=True,
    )
    (packages / "tests.pth").write_text(f"{tests}\n")
    return Installed(python)
