"""What the picture of error against sharpness is drawn from, of a study that was really run."""

import pytest

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.pictures.sharpness_source import sharpness_source
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import trial_record


def test_every_forecast_of_a_study_has_its_place(
    finished_url: str, tiny_facts: DataSummary
) -> None:
    trials = load_study(open_database(finished_url, "read"), "tiny").get_trials()
    found = sharpness_source(trials, tiny_facts.targets.gradient)
    assert found is not None
    assert found.baseline.at[1] == 1.0
    assert len(found.references) == 5
    assert found.target == pytest.approx((0.95, 1.05))
    assert found.curve is not None
    assert found.curve.rmse_as_trained == pytest.approx(found.baseline_rmse)
    assert sorted(found.trials) == list(range(1, 8))
    for number, point in found.trials.items():
        record = trial_record(trials[number])
        assert record is not None
        assert point.feasible is record.feasible
        assert point.at[0] == pytest.approx(
            record.metrics["gradient"] / record.metrics["gradient_observed"]
        )
        assert point.at[1] == pytest.approx(record.metrics["rmse"] / record.baseline_rmse)


def test_before_the_baseline_is_complete_there_is_nothing_to_draw(
    finished_url: str, tiny_facts: DataSummary
) -> None:
    trials = load_study(open_database(finished_url, "read"), "tiny").get_trials()
    assert sharpness_source(trials[1:], tiny_facts.targets.gradient) is None
