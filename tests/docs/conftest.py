"""A folder that looks like a fresh clone, with a quickstart that takes seconds."""

import shutil
import sys
from collections.abc import Iterator

import pytest
import xarray as xr
import yaml

from data.weather import WeatherSettings, simulate, write
from fieldsharp.core.checkout import PROJECT
from tests.docs.typed import Typed

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
budget: {{trials: 2, stop_on_nothing_to_fix: false}}
workers: {{count: 1}}
"""
TINY: dict[str, dict[str, object]] = {
    "training": {"epochs": 1, "batch_size": 8, "device": "cpu", "precision": "float32"},
    "predictor": {"name": "unet", "width": 4},
    "budget": {"trials": 2, "stop_on_nothing_to_fix": False},
    "workers": {"count": 1},
}
"""Sections in place of those of a configuration that is shipped."""
OTHER_NAMES = {"Qair": "t2m"}


@pytest.fixture(scope="session")
def _shell(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    folder = tmp_path_factory.mktemp("clone")
    (folder / "configs").mkdir()
    (folder / "configs" / "quickstart.yaml").write_text(TINY_QUICKSTART, encoding="utf-8")
    members = yaml.safe_load((PROJECT / "configs" / "members.yaml").read_text(encoding="utf-8"))
    members["predictor"]["width"] = 4
    members["data"] |= {"train_every": 24, "score_every": 8}
    members |= {name: TINY[name] for name in ("budget", "workers")}
    members["training"] = TINY["training"] | {"start": "baseline"}
    (folder / "configs" / "members.yaml").write_text(yaml.safe_dump(members))
    weather = yaml.safe_load((PROJECT / "configs" / "weather.yaml").read_text(encoding="utf-8"))
    (folder / "configs" / "weather.yaml").write_text(yaml.safe_dump(weather | TINY))
    write(simulate(WeatherSettings(frames=240, size=16)), folder / "weather")
    shutil.copytree(PROJECT / "examples", folder / "examples")
    for name in ("config/__init__.py", "sweep.yaml"):  # one epoch is enough
        path = folder / "examples" / "existing_project" / name
        text = path.read_text(encoding="utf-8")
        one = text.replace("EPOCHS = 6", "EPOCHS = 1").replace("epochs: 6", "epochs: 1")
        assert one != text
        path.write_text(one, encoding="utf-8")
    (folder / "data").mkdir()
    shutil.copy(PROJECT / "data" / DATA, folder / "data")
    with xr.open_dataset(PROJECT / "data" / DATA, engine="h5netcdf") as dataset:
        field = dataset[list(OTHER_NAMES)].rename(OTHER_NAMES).isel(time=slice(0, 700)).load()
    field.drop_encoding().to_netcdf(
        folder / "field.nc", engine="h5netcdf"
    )  # what a person's own data is
    (folder / "era5").mkdir()
    for half, frames in (("a", slice(0, 350)), ("b", slice(350, 700))):  # the same in two files
        part = field.isel(time=frames).drop_encoding()
        part.to_netcdf(folder / "era5" / f"2018-06{half}.nc", engine="h5netcdf")
    return Typed(folder)


@pytest.fixture
def typed(_shell: Typed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typed]:
    """A shell in that folder, with the quickstart swept; code in it can be imported.

    What one page writes there another may find, as on a person's own disk.
    """
    monkeypatch.chdir(_shell.folder)
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)
    monkeypatch.syspath_prepend(str(_shell.folder))  # as it is for a script that stands in it
    _shell.type("python run_sweep.py start configs/quickstart.yaml")
    yield _shell
    for name in [n for n in sys.modules if n == "forecasts" or n.startswith("forecasts.")]:
        del sys.modules[name]
