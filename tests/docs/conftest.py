"""A folder that looks like a fresh clone, with a quickstart that takes seconds instead of minutes."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import xarray as xr

from tests.docs.pages import PROJECT
from tests.docs.typed import run

DATA = "uk_wfde5_hourly_2018_jun_jul.nc"
TINY_QUICKSTART = f"""\
study: quickstart
data:
  path: ../data/{DATA}
  variable: Qair
  history: 2
  horizon: 2
  stride: 2
  train_every: 24
  score_every: 8
predictor: {{name: unet, width: 4}}
training: {{epochs: 2, batch_size: 8, learning_rate: 3e-3, device: cpu, precision: float32}}
search:
  space:
    gradient_weight: {{low: 0.01, high: 10.0, log: true}}
    loss_variant: {{choices: [gradient, sorted]}}
    multi_step: {{choices: [last, all]}}
    learning_rate: {{low: 1e-4, high: 1e-2, log: true}}
    warmup_fraction: {{low: 0.0, high: 0.3}}
budget: {{trials: 3}}
workers: {{count: 1}}
"""
OTHER_NAMES = {"Qair": "t2m"}


@pytest.fixture(scope="session")
def _cloned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    (folder / "configs").mkdir()
    (folder / "configs" / "quickstart.yaml").write_text(TINY_QUICKSTART, encoding="utf-8")
    (folder / "data").mkdir()
    shutil.copy(PROJECT / "data" / DATA, folder / "data")
    with xr.open_dataset(PROJECT / "data" / DATA, engine="h5netcdf") as dataset:
        field = dataset[list(OTHER_NAMES)].isel(time=slice(0, 700)).rename(OTHER_NAMES).load()
    field.to_netcdf(folder / "field.nc", engine="h5netcdf")  # what a person's own data is
    return folder


@pytest.fixture
def clone(_cloned: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder, entered, with the quickstart swept; code in it can be imported.

    What one page writes there another may find, as on a person's own disk.
    """
    monkeypatch.chdir(_cloned)
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)
    monkeypatch.syspath_prepend(str(_cloned))  # as it is for a script that stands in it
    if not (_cloned / "sweeps.db").exists():
        code, _, complaint = run(["start", "configs/quickstart.yaml", "--quiet"])
        assert code == 0, complaint
    yield _cloned
    for name in [n for n in sys.modules if n == "forecasts" or n.startswith("forecasts.")]:
        del sys.modules[name]
