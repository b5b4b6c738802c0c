"""A sweep judged by area and per km: targets, trials and windows in the same units."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.core.errors import ConfigError
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.settings import GridMeasures
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator, Persistence

MEASURES = ["objective.area_weights=auto", "objective.per=km"]


@pytest.fixture(scope="module")
def config(
    plume_file: Path, tiny_yaml: Path, tmp_path_factory: pytest.TempPathFactory
) -> SweepConfig:
    """The plumes on a grid of a degree, from 50 degrees north on."""
    path = tmp_path_factory.mktemp("geographic") / "plumes.nc"
    with xr.open_dataset(plume_file, engine="h5netcdf") as dataset:
        y, x = next(iter(dataset.data_vars.values())).dims[-2:]
        degrees = {
            "lat": (y, 50.0 + np.arange(24.0), {"units": "degrees_north"}),
            "lon": (x, np.arange(24.0), {"units": "degrees_east"}),
        }
        plain = dataset.drop_vars([name for name in (y, x) if name in dataset.coords])
        plain.assign_coords(degrees).to_netcdf(path, engine="h5netcdf")
    return load_config(tiny_yaml, [f"data.path={path}", *MEASURES]).config


def test_targets_of_the_observed_gradient_are_per_km(
    config: SweepConfig, tiny_facts: DataSummary
) -> None:
    facts = run_preflight(config).facts
    assert facts.gradient_observed is not None
    assert tiny_facts.gradient_observed is not None
    assert facts.targets.gradient.low == pytest.approx(0.95 * facts.gradient_observed)
    # A cell is 111.2 km from south to north and 29 to 71 km from west to east.
    assert 1 / 111.3 < facts.gradient_observed / tiny_facts.gradient_observed < 1 / 29.0
    assert facts.per == "per km"
    assert len(facts.grid_notes) == 2
    assert facts.linear is not None
    assert facts.linear.gradient < facts.gradient_observed
    again = DataSummary.model_validate_json(facts.model_dump_json())
    assert again.measures == config.objective.measures


def test_windows_are_evaluated_as_the_configuration_asks(config: SweepConfig) -> None:
    data = load_forecast_data(config.data, measures=config.objective.measures)
    found = Evaluator(data, data.validation).evaluate(Persistence.of(data))
    plain_data = load_forecast_data(config.data)
    plain = Evaluator(plain_data, plain_data.validation).evaluate(Persistence.of(data))
    assert plain_data.geometry is None
    assert found.overall["peak"] == plain.overall["peak"]
    assert found.overall["rmse"] != plain.overall["rmse"]
    assert found.overall["gradient"] < plain.overall["gradient"] / 29.0


def test_without_real_distances_a_sweep_per_km_is_refused(tiny_yaml: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "field.npy", np.random.default_rng(0).normal(10.0, 1.0, (150, 12, 12)))
    config = load_config(tiny_yaml, [f"data.path={tmp_path / 'field.npy'}", *MEASURES]).config
    with pytest.raises(ConfigError, match=r"set objective\.per to cell"):
        load_forecast_data(config.data, measures=config.objective.measures)


def test_a_checkpoint_of_other_measures_is_not_resumed_from(config: SweepConfig) -> None:
    spec = TrialSpec(number=0, run=config.run)
    other = TrialSpec(number=0, run=config.run, measures=GridMeasures(per="km"))
    assert spec.fingerprint != other.fingerprint
    older = spec.model_dump(mode="json", exclude={"measures"})
    assert TrialSpec.model_validate(older).fingerprint == spec.fingerprint
