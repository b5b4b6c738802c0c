from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
import xarray as xr

from fieldsharp.sweep.checking import optimiser, rate_range
from fieldsharp.sweep.checking.checks import open_context, run_checks
from fieldsharp.sweep.checking.context import Check, CheckContext
from fieldsharp.sweep.configuration.config_file import load_config

# One term and a shallow net: what is tested here is which check fails, not every term.
SMALL = (
    "predictor.options.depth=1",
    "training.batch_size=4",
    "search.space={loss_variant: {choices: [sobel]}, learning_rate: {low: 1e-4, high: "
    "1e-2, log: true}}",
    "loss.gradient_weight=0.1",
)


class MakeContext(Protocol):
    def __call__(self, *overrides: str, dataset: xr.Dataset | None = None) -> CheckContext: ...


@pytest.fixture
def plumes(plume_file: Path) -> xr.Dataset:
    with xr.open_dataset(plume_file, engine="h5netcdf") as source:
        return source.load()


@pytest.fixture
def context_of(tiny_yaml: Path, tmp_path: Path) -> MakeContext:
    """The tiny configuration made smaller, with some settings, or on another field."""

    def context(*overrides: str, dataset: xr.Dataset | None = None) -> CheckContext:
        chosen = [*SMALL, "plugins=[tests.sweep.checking.faulty]", *overrides]
        if dataset is not None:
            dataset.to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
            chosen.append(f"data.path={tmp_path / 'other.nc'}")
        return open_context(load_config(tiny_yaml, chosen).config)

    return context


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> Callable[[CheckContext], dict[str, Check]]:
    """The checks that fail, by name; with fewer steps of training."""
    monkeypatch.setattr(optimiser, "SHORT_TRAINING_STEPS", 50)
    monkeypatch.setattr(rate_range, "STEPS", 60)

    def failing(context: CheckContext) -> dict[str, Check]:
        return {check.name: check for check in run_checks(context) if not check.ok}

    return failing
