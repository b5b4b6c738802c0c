"""What a checkpoint must have been written under."""

from fieldsharp.sweep.configuration.baseline_start import starting_from
from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.study.trial_spec import TrialSpec


def _spec(**training: object) -> TrialSpec:
    tree = {"data": {"path": "field.nc", "variable": "v"}, "training": training}
    return TrialSpec(number=3, run=validate(tree, "x").run)


def test_the_fingerprint_is_that_of_versions_that_knew_one_schedule_alone() -> None:
    # Taken from the version before schedules could be chosen.
    before = "6ecd05094404fdbabe3cb097cb8f5d88e62209931578eb55c77a4fdabfc76cfc"
    assert _spec().fingerprint == before
    assert _spec(schedule="cosine").fingerprint == before


def test_another_schedule_is_another_training() -> None:
    kinds = [_spec(schedule=kind) for kind in ("cosine", "cooldown", "schedule_free")]
    assert len({spec.fingerprint for spec in kinds}) == 3


def _script_spec(**trainer: object) -> TrialSpec:
    tree = {
        "trainer": {
            "command": ["python", "train.py"],
            "given": {"gradient_weight": 0.05},
            "forecast": "f.nc",
            "truth": "t.nc",
            **trainer,
        },
        "objective": {"targets": {"gradient": 3.0, "peak": 140.0}},
        "search": {"space": {"gradient_weight": {"low": 0.01, "high": 1.0}}},
    }
    return TrialSpec(number=3, run=validate(tree, "x").run)


def test_the_fingerprint_of_a_script_is_that_of_versions_without_training_forecasts() -> None:
    # Taken from the version before scripts could write them.
    before = "02caaaef38e3adf69faace7349d18680f4b1645701fccad891a0e1367b97c867"
    assert _script_spec().fingerprint == before
    files = {"training_forecast": "tf.nc", "training_truth": "tt.nc"}
    assert _script_spec(**files).fingerprint != before


def test_how_far_it_is_trained_now_is_no_part_of_it() -> None:
    spec = _spec()
    assert spec.model_copy(update={"until": 2, "attempt": 4}).fingerprint == spec.fingerprint


def test_the_fingerprint_is_that_of_versions_that_knew_fresh_starts_alone() -> None:
    before = "6ecd05094404fdbabe3cb097cb8f5d88e62209931578eb55c77a4fdabfc76cfc"
    assert _spec(start="fresh", fine_tuning=0.5).fingerprint == before


def test_what_a_training_goes_on_from_is_part_of_it() -> None:
    baseline = _spec(seed=1)
    specs = [
        _spec(start="baseline").model_copy(
            update={"run": starting_from(_spec(start="baseline").run, first.run)}
        )
        for first in (baseline, _spec(seed=2), _spec(epochs=11))
    ]
    found = {one.fingerprint for one in specs}
    assert len({*found, baseline.fingerprint}) == 4


def test_the_specification_of_its_start_is_that_of_the_baseline() -> None:
    baseline = _spec(epochs=11).model_copy(update={"number": 2, "preset": BASELINE})
    run = starting_from(_spec(start="baseline").run, baseline.run)
    spec = baseline.model_copy(update={"number": 5, "preset": None, "run": run, "starts_with": 2})
    assert spec.of_its_start.run == baseline.run
    assert spec.of_its_start.fingerprint == baseline.fingerprint
    assert spec.starts_from_baseline
    assert not spec.of_its_start.starts_from_baseline
