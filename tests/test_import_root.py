"""One import root: no module is loaded under two names, and names of released pages still work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.earlier_names import MOVED, PACKAGES


def _run(code: str, folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run code with the user's folder before the project on the path."""
    path = os.pathsep.join(map(str, (folder, *paths, PROJECT)))
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def test_every_package_is_linked_into_the_root() -> None:
    for package in (*PACKAGES, "core"):
        link = PROJECT / "fieldsharp" / package
        assert link.is_symlink()
        assert link.resolve() == PROJECT / package


OF_RELEASED_PAGES = (
    "model.losses.sobel:sobel_mse",
    "model.losses.distribution:sorted_both",
    "model.losses.laplacian:laplacian_mse",
    "model.losses.gradient:gradient_l1",
    "model.losses.magnitude:gradient_magnitude_mse",
    "model.losses.gradient_difference:gdl2",
    "model.losses.multiscale:multiscale_mse",
    "model.losses.none:no_term",
    "model.losses.pointwise:mse",
    "model.losses.crps:almost_fair_crps",
    "model.losses.weighted:balanced_mse",
    "model.losses.weighted:pinball",
    "model.losses.structure:one_minus_ssim",
    "model.losses.fourier:fourier_amplitude",
    "model.losses.fourier:facl",
    "model.losses.adjusted_mse:amse_minus_mse",
    "model.predictors.unet:UNet",
    "model.predictors.classes:predictor_class",
)


def test_functions_of_released_pages_are_found_by_their_paths(tmp_path: Path) -> None:
    code = (
        "from fieldsharp.model.registry import load\n"
        f"for path in {OF_RELEASED_PAGES}:\n"
        "    assert load(path, 'loss.variant') is load('fieldsharp.' + path, 'loss.variant')\n"
    )
    done = _run(code, tmp_path)
    assert done.returncode == 0, done.stderr


SAME = """
import sys
from importlib import import_module
for earlier, today in NAMES.items():
    found = import_module(earlier)  # before anything of the root is imported
    assert found is import_module(today), earlier
    assert sys.modules[earlier] is found, earlier
    assert found.__name__ == found.__spec__.name == today, earlier
    parent, _, name = earlier.rpartition(".")
    assert getattr(__import__(parent, fromlist=[name]), name) is found, earlier
"""


def test_an_earlier_name_is_the_module_of_today_and_no_second_copy(tmp_path: Path) -> None:
    names = {name: f"fieldsharp.{today}" for name, today in MOVED.items()}
    names = {"model.losses.distribution": "fieldsharp.model.losses.distribution", **names}
    done = _run(f"NAMES = {names}\n{SAME}", tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("form", ["model.py", "model/__init__.py"])
def test_a_module_of_the_users_by_an_earlier_name_comes_first(form: str, tmp_path: Path) -> None:
    file = tmp_path / form
    file.parent.mkdir(exist_ok=True)
    file.write_text("MINE = 1\n")
    code = "import fieldsharp.model.registry, model\nprint(model.MINE)"
    done = _run(code, tmp_path)
    assert (done.stdout, done.stderr) == ("1\n", "")
    if file.name != "model.py":
        (file.parent / "mine.py").write_text("MINE = 2\n")
        done = _run("import fieldsharp\nfrom model.mine import MINE\nprint(MINE)", tmp_path)
        assert (done.stdout, done.stderr) == ("2\n", "")


def test_a_name_that_never_was_is_refused_under_that_name(tmp_path: Path) -> None:
    done = _run("import fieldsharp, model.losses.nothing", tmp_path)
    assert "ModuleNotFoundError: No module named 'model.losses.nothing'" in done.stderr


def test_no_file_of_ours_imports_a_package_without_the_root() -> None:
    done = subprocess.run(
        [
            *("git", "grep", "-nE"),
            rf"^\s*(from|import) ({'|'.join((*PACKAGES, 'core'))})[. ]",
            *("--", "*.py", ":!tests/compatibility", ":!examples"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, ""), "git grep found some, or failed"


@pytest.mark.parametrize("name", ["core", "research", "model"])
def test_a_users_package_is_found_although_the_checkout_has_a_folder_of_that_name(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "losses.py").write_text("MINE = 1\n")
    # As when a program of the checkout is run: its folder is the first on the path.
    code = f"import fieldsharp, {name}.losses\nprint({name}.losses.MINE)"
    path = os.pathsep.join(map(str, (PROJECT, tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_folder_of_files_by_an_earlier_name_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    done = _run("import fieldsharp\nfrom model.losses.sobel import sobel_mse", tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_module_can_be_run_by_its_earlier_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "model.losses.sobel"], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
