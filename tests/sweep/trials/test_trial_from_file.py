"""A trial on a stored series ends with the bits of one on data held in memory."""

import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.stored_series.store import SeriesStore
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.trial import Trial


@pytest.fixture(scope="module")
def stored_data(tiny_config: SweepConfig, tmp_path_factory: pytest.TempPathFactory) -> ForecastData:
    store = SeriesStore(tmp_path_factory.mktemp("store"), lambda: "a", above_mb=0)
    data = load_forecast_data(tiny_config.data, store=store)
    assert data.train.from_file
    return data


def _trained(config: SweepConfig, data: ForecastData, micro_batches: int = 1) -> Trial:
    hardware = find_hardware(config.training)
    trial = Trial(config.run, data, hardware, with_frontier=True, micro_batches=micro_batches)
    assert len(list(trial.epochs())) == 2
    return trial


def _require_same_weights(one: Trial, other: Trial) -> None:
    expected = one.predictor.state_dict()
    found = other.predictor.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("micro_batches", [1, 3])
def test_weights_and_metrics_of_two_epochs_are_the_same(
    tiny_config: SweepConfig, tiny_data: ForecastData, stored_data: ForecastData, micro_batches: int
) -> None:
    in_memory = _trained(tiny_config, tiny_data, micro_batches)
    stored = _trained(tiny_config, stored_data, micro_batches)

    _require_same_weights(in_memory, stored)
    for one, other in zip(in_memory.reports, stored.reports, strict=True):
        assert other.losses == one.losses
        assert other.judgement == one.judgement
        assert other.sharpened == one.sharpened
        assert other.frontier == one.frontier


def test_a_resumed_training_ends_with_the_same_weights(
    tiny_config: SweepConfig, tiny_data: ForecastData, stored_data: ForecastData
) -> None:
    in_memory = _trained(tiny_config, tiny_data)
    hardware = find_hardware(tiny_config.training)
    first = Trial(tiny_config.run, stored_data, hardware)
    reports = list(first.epochs(until=1))

    second = Trial(tiny_config.run, stored_data, hardware)
    second.restore(first.state(), reports)
    list(second.epochs())

    _require_same_weights(in_memory, second)
