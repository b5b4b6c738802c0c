"""Example projects of other people's making are swept as they are, with the packages they use."""

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.model.checkpoint import load_tensors
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.config_file import load_config

Array = np.ndarray[Any, np.dtype[np.float64]]
Reader = Callable[[Path], tuple[Any, Any]]
NAMES = ("hydra", "lightning", "argparse", "attributes")
PACKAGES = {"hydra": ("hydra", "tensorboard"), "lightning": ("lightning", "jsonargparse")}
MOST_LINES = 15


def _npz(trial: Path) -> tuple[Any, Any]:
    (path,) = trial.glob("outputs/*/*/predictions.npz")
    with np.load(path) as arrays:
        return arrays["pred"], arrays["target"]


def _pt(trial: Path) -> tuple[Any, Any]:
    forecast, truth = (load_tensors(trial / f"{name}.pt")[""] for name in ("forecast", "truth"))
    return forecast.numpy(), truth.numpy()


def _npy(trial: Path) -> tuple[Any, Any]:
    forecast, truth = (np.load(trial / "out" / f"{name}.npy") for name in ("pred", "true"))
    return forecast[:, :, 0], truth[:, :, 0]


def _h5(trial: Path) -> tuple[Any, Any]:
    with h5py.File(trial / "results.h5") as file:
        return file["pred"][:], file["true"][:]


READERS: dict[str, Reader] = {"hydra": _npz, "lightning": _pt, "argparse": _npy, "attributes": _h5}


def _project(name: str) -> Path:
    for package in PACKAGES.get(name, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return PROJECT / "examples" / f"{name}_project"


def _contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _gradient(fields: Array) -> float:
    """Return the mean Sobel gradient of [sample, lead, y, x] where all nine cells are known."""
    across, down = (np.diff(fields, axis=axis) for axis in (-1, -2))
    across, down = across[..., 1:] + across[..., :-1], down[..., 1:, :] + down[..., :-1, :]
    dx = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    dy = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 8
    known = np.lib.stride_tricks.sliding_window_view(np.isfinite(fields), (3, 3), axis=(-2, -1))
    return float(np.hypot(dx, dy)[known.all(axis=(-2, -1))].mean())


@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_of_an_example_is_short_and_the_project_knows_nothing_of_it(name: str) -> None:
    folder = PROJECT / "examples" / f"{name}_project"
    lines = (folder / "sweep.yaml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    trainer = load_config(folder / "sweep.yaml").config.trainer
    assert trainer is not None
    for path in folder.rglob("*"):
        if path.suffix in (".py", ".yaml") and path.name != "sweep.yaml":
            text = path.read_text(encoding="utf-8").lower()
            assert "sweep" not in text
            assert "fieldsharp" not in text


@pytest.mark.parametrize("name", NAMES)
def test_an_example_passes_its_check(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(_project(name) / "sweep.yaml")]) == 0
    assert "all checks pass" in capsys.readouterr().out


@pytest.mark.outside
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_swept_unchanged_and_its_numbers_are_those_of_its_files(
    name: str, tmp_path: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    original = _project(name)
    # The same two levels below a folder with the data as in the checkout.
    folder = tmp_path / "clone" / "examples" / original.name
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "clone" / "data").symlink_to(PROJECT / "data")
    before = _contents(folder)
    config = str(folder / "sweep.yaml")
    options = ["--storage", storage_url, "--trials", "2", "--json", "--set", "workers.count=1"]
    assert main(["start", config, *options]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 2
    assert _contents(folder) == before
    (trial,) = tmp_path.glob("x.db.files/*/trials/000000/project")
    forecast, truth = READERS[name](trial)
    baseline = status["baseline"]
    assert baseline["rmse"] == pytest.approx(np.sqrt(np.nanmean((forecast - truth) ** 2)), rel=1e-4)
    assert baseline["gradient"] == pytest.approx(_gradient(forecast), rel=1e-4)
    peak = np.nanmax(forecast, axis=(-2, -1)).mean()
    assert baseline["peak"] == pytest.approx(peak, rel=1e-4)
    assert _gradient(truth) > 1.05 * baseline["gradient"], "a baseline that is too smooth"
