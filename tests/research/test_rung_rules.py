"""Replayed sweeps over trainings whose course is written here."""

from fieldsharp.sweep.configuration.settings import SweepConfig
from research.rung_rules import RULES, Replay, Training
from tests.sweep.fake_sweep import TARGETS, Metrics, metrics_of, report_of

EPOCHS = 12


def _training(name: str, early: Metrics, late: Metrics, *, sharpens: bool = True) -> Training:
    reports = [report_of(epoch, early if epoch < 3 else late) for epoch in range(EPOCHS)]
    return Training(name, sharpens, "", reports)


def _replay(config: SweepConfig, baseline: Metrics, *trainings: Training) -> Replay:
    training = config.training.model_copy(update={"epochs": EPOCHS})
    config = config.model_copy(update={"training": training})
    return Replay(config, TARGETS, [_training("baseline", baseline, baseline), *trainings])


def test_a_net_that_breaks_a_guard_early_and_comes_out_best_is_kept_as_shipped(
    tiny_config: SweepConfig,
) -> None:
    still = metrics_of() | {"change_ratio": 0.01}
    blurred = [
        _training(f"blurred {n}", one, one, sharpens=False)
        for n, one in enumerate(metrics_of(gradient=2.0 - 0.1 * n) for n in range(8))
    ]
    replay = _replay(
        tiny_config, metrics_of(gradient=1.5), *blurred, _training("late", still, metrics_of())
    )
    assert replay.ends()[0][0].name == "late"
    order = list(range(9))
    before, _, shipped = (replay.sweep(order, rule) for rule in RULES)
    assert 8 not in before[0]
    assert 8 in shipped[0]
    assert before[0] <= shipped[0], "no other is given up for it"
    assert shipped[1] >= before[1]


def test_a_forecast_of_another_day_pushes_no_honest_one_out(tiny_config: SweepConfig) -> None:
    """It has 1.4 times the error of climatology, breaks most guards, and is perfectly sharp."""
    other_day = metrics_of(rmse=141.0) | {"anomaly_correlation": 0.0, "gradient_correlation": 0.0}
    error = {"rmse": 90.0}  # little can be predicted: an error costs little
    honest = [
        _training(f"honest {n}", one, one, sharpens=False)
        for n, one in enumerate(metrics_of(gradient=2.0 - 0.1 * n) | error for n in range(6))
    ]
    gamed = [_training(f"another day {n}", other_day, other_day) for n in range(3)]
    replay = _replay(tiny_config, metrics_of(gradient=1.5) | error, *honest, *gamed)
    literal, shipped = (replay.sweep([6, 7, 8, *range(6)], rule)[0] for rule in RULES[1:])
    assert not literal & set(range(6)), "were its guards left out, it would take every place"
    assert shipped & set(range(6))
