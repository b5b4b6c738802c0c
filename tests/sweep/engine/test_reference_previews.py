"""The baseline's preview has the forecast of its best sharpener."""

import logging
from base64 import b64encode

import numpy as np
import pytest

from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.engine.running_trial import RunningTrial, trial_preview
from fieldsharp.sweep.study.files.previews import ForecastPreview
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast
from fieldsharp.sweep.study.trial_events import TrialDone
from tests.sweep.empty_record import empty_record
from tests.sweep.fake_sweep import MakeSweep

SCORES = {"inflate": 0.3, "spectral": 0.1, "unsharp": 0.2}
VALUES = {"": 1.0, "inflate": 2.0, "spectral": 3.0, "unsharp": 4.0}


def _preview(value: float) -> str:
    shape = (2, 3, 3)
    preview = ForecastPreview(np.full(shape, value, dtype=np.float32), np.ones((2, 4)))
    return b64encode(preview.to_bytes()).decode()


def _end(samples: dict[str, str]) -> TrialDone:
    return TrialDone(0, 1, 1.0, 1.0, "cpu", "float32", _preview(1.0), samples)


RECORD = empty_record(0.5).model_copy(
    update={
        "references": [
            SharpenedForecast(
                name=name,
                judgement=MetricValues(overall={"rmse": 1.0}, by_lead={}),
                score=score,
                guards=[],
            )
            for name, score in SCORES.items()
        ]
    }
)


def test_it_is_that_of_the_best_and_the_forecast_stays_as_it_is(make_sweep: MakeSweep) -> None:
    running = RunningTrial(make_sweep(trials=1).repository.ask())
    samples = {name: _preview(value) for name, value in VALUES.items() if name}
    found = trial_preview(running, _end(samples), RECORD)
    assert found.sharpener == "spectral"
    assert found.reference is not None
    assert found.forecast is not None
    assert found.reference.values_LHW[0, 0, 0] == 3.0
    assert found.forecast.values_LHW[0, 0, 0] == 1.0


def test_without_its_sample_there_is_none(
    make_sweep: MakeSweep, caplog: pytest.LogCaptureFixture
) -> None:
    running = RunningTrial(make_sweep(trials=1).repository.ask())
    for samples in ({}, {"inflate": _preview(2.0)}):
        found = trial_preview(running, _end(samples), RECORD)
        assert (found.reference, found.sharpener) == (None, "")
    with caplog.at_level(logging.WARNING):
        found = trial_preview(running, _end({"spectral": "damaged"}), RECORD)
    assert (found.reference, found.sharpener) == (None, "")
    assert "no pictures of its forecast" in caplog.text
