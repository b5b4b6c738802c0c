"""Sweeps on landscapes: drawn from made-up curves whose best is known, and the analytic one."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import RandomSampler, TPESampler

from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SearchSettings
from fieldsharp.sweep.configuration.space import distributions
from research import sampler_comparison
from research.score_landscapes import Analytic, Known, Measured, features, variants
from research.simulated_sweep import Plan, SimulatedSweep

EPOCHS = 12


def _known(count: int) -> list[Known]:
    """Curves whose last score is the distance of the weight from 1, on a logarithmic scale."""
    space = distributions(SearchSettings())
    rng = np.random.default_rng(0)
    found = []
    for index in range(count):
        weight = float(10 ** rng.uniform(-2, 1))
        values: dict[str, Scalar] = {
            "gradient_weight": weight,
            "loss_variant": variants()[index % len(variants())],
            "multi_step": "all",
            "learning_rate": 1e-3,
            "warmup_fraction": 0.1,
        }
        assert values.keys() == space.keys()
        last = abs(math.log10(weight)) / 4 + 0.02
        scores = [float(last + 0.02 * (EPOCHS - epoch)) for epoch in range(1, EPOCHS + 1)]
        found.append(Known(values, scores, [-0.3] * EPOCHS))
    return found


def test_features_lie_between_the_ends_of_the_search() -> None:
    values = {"gradient_weight": 0.01, "learning_rate": 1e-2, "warmup_fraction": 0.15}
    assert features({**values, "multi_step": "all"}) == pytest.approx([0.0, 1.0, 0.5, 1.0])


def test_a_landscape_agrees_with_the_curves_it_is_drawn_from() -> None:
    known = _known(40)
    measured = Measured(known)
    assert measured.agreement()["rank correlation"] > 0.8
    drawn = measured.draw(np.random.default_rng(1))
    true = drawn.true([one.values for one in known])
    assert np.corrcoef(true, [one.scores[-1] for one in known])[0, 1] > 0.9


def test_what_breaks_a_guard_truly_is_infinitely_bad() -> None:
    values = {"gradient_weight": 10.0, "learning_rate": 1e-3, "warmup_fraction": 0.0}
    landscape = Analytic(np.random.default_rng(0))
    sharp, blurred = landscape.true(
        [{**values, "multi_step": "all", "loss_variant": name} for name in ("sorted", "sobel")]
    )
    assert np.isinf(sharp)
    assert 0.2 < blurred < 0.5


def test_a_sweep_spends_its_epochs_and_a_rung_saves_some() -> None:
    space = distributions(SearchSettings())
    landscape = Analytic(np.random.default_rng(0))

    def sampler(seed: int) -> RandomSampler:
        return RandomSampler(seed=seed)

    whole = SimulatedSweep(landscape, space, Plan(sampler), seed=0).run(120)
    assert [one.epochs for one in whole] == [24, 36, 48, 60, 72, 84, 96, 108, 120, 120]
    plan = Plan(lambda seed: TPESampler(seed=seed), rungs=(3, 6, 12))
    few = SimulatedSweep(landscape, space, plan, seed=0)
    assert len(few.run(120)) < len(whole)
    reached = [one.epochs for one in few._candidates]
    assert set(reached) == {3, 6, 12}
    assert len(reached) > 2 * len(whole)


def test_the_table_has_a_row_for_each_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_yaml: Path
) -> None:
    options = ["--config", str(tiny_yaml), "--landscape", "analytic", "--sweeps", "2"]
    rows = ["--rows", "random", "rungs 3 6 12, l"]
    with warnings.catch_warnings():  # of samplers' options that are compared
        sampler_comparison.main([str(tmp_path / "none.jsonl"), *options, "--epochs", "36", *rows])
    lines = capsys.readouterr().out.splitlines()
    names = [line[2:28].strip() for line in lines[2:]]
    assert names == ["random", "Optuna's TPE", "rungs 3 6 12, latest", "rungs 3 6 12, lowest"]
