"""The provenance of a result: versions, commit, machine, data."""

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from fieldsharp.core.checkout import IS_CHECKOUT, PROJECT
from fieldsharp.core.secret_variables import environment_without_secrets
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.settings import Settings

PACKAGES = ("torch", "optuna", "numpy", "xarray", "scipy", "pydantic", "SQLAlchemy")


class Provenance(Settings):
    """Everything a result depends on beside its settings.

    Attributes:
        versions: Of Python and of the packages used.
        git_commit: Commit of this project, "unknown" outside a checkout, where its version is among
            the versions; "+changes" is added where tracked files differ from it.
        machine: Processor and system.
        data_sha256: Of the data files, see ``DataFiles.sha256``; of no bytes without any.
        project_sha256: Of the Python files of a script's project, None where there is none.
    """

    versions: dict[str, str]
    git_commit: str
    machine: str
    data_sha256: str
    project_sha256: str | None = None


def provenance(
    data: DataFiles | None, project_sha256: str | None = None, *, data_sha256: str | None = None
) -> Provenance:
    """Return the provenance of results that are computed now on this machine.

    Args:
        data: The data files; None without any.
        project_sha256: Of a script's project.
        data_sha256: Of the data, where it was computed already.
    """
    if data_sha256 is None:
        data_sha256 = data.sha256() if data else hashlib.sha256().hexdigest()
    versions = {"python": platform.python_version()}
    for package in PACKAGES if IS_CHECKOUT else (*PACKAGES, "fieldsharp"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return Provenance(
        versions=versions,
        git_commit=git_commit(),
        machine=f"{platform.machine()} {platform.system()}",
        data_sha256=data_sha256,
        project_sha256=project_sha256,
    )


def git_commit() -> str:
    """Return the commit of this project, see ``Provenance``."""
    if not (PROJECT / ".git").exists():  # git would find a repository that surrounds the folder
        return "unknown"
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed program, fixed arguments
        ["git", "-C", str(PROJECT), *arguments],  # noqa: S607 - git of the user's path
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        env=environment_without_secrets(),
    )
    return done.stdout.strip()
