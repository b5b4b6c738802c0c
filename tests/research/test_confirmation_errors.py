"""Confirmations replayed from a pool that is made by hand, whose truth is known."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.leads import over_seeds, resampling
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun
from research import confirmation_errors
from research.confirmation_errors import covered, null_sweep, stretches, true_figures
from research.confirmation_pool import BASELINE, read_runs
from tests.objectives.test_over_seeds import forecast, observed

POOL, WINDOWS, STRETCHES, SEEDS = "plumes", 50, 4, 12
LEVELS = {BASELINE: 0.8, "sorted": 0.9}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    (folder / POOL).mkdir()
    rng = np.random.default_rng(1)
    truths = [np.exp(0.2 * rng.standard_normal(WINDOWS)) for _ in range(STRETCHES)]
    for name, level in LEVELS.items():
        for seed in range(SEEDS):
            of_seed = np.exp(0.02 * rng.standard_normal())
            runs = []
            for truth_W in truths:
                own_W = level * of_seed * truth_W * np.exp(0.05 * rng.standard_normal(WINDOWS))
                mean = float(own_W.mean())
                metrics = {"gradient": mean, "peak": mean, "rmse": 1.0}
                run = ConfirmedRun(
                    trial=0,
                    seed=seed,
                    judgement=MetricValues(
                        overall=metrics, by_lead={key: [v] for key, v in metrics.items()}
                    ),
                    window_statistics=WindowStatistics(
                        observed=observed(truth_W) if name == BASELINE else None,
                        forecasts={NO_SHARPENER: forecast(own_W, np.ones(WINDOWS))},
                    ),
                )
                runs.append(run.model_dump(mode="json"))
            content = lzma.compress(json.dumps(runs).encode())
            (folder / POOL / f"{name}-{seed:03d}.json.xz").write_bytes(content)
    facts = [
        {
            name: {"low": 0.95 * truth_W.mean(), "high": 1.05 * truth_W.mean(), "offset": 0.0}
            for name in ("gradient", "peak")
        }
        for truth_W in truths
    ]
    (folder / POOL / "stretches.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 300)
    monkeypatch.setattr(over_seeds, "RESAMPLES", 300)


@pytest.fixture(autouse=True)
def without_variation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards that need it are left out."""
    monkeypatch.setattr(confirmation_errors, "variation_of", lambda _facts: None)


def test_a_pool_is_read_by_stretch_and_seed(pool: Path) -> None:
    found = stretches(pool, POOL)
    assert len(found) == STRETCHES
    assert [run.seed for run in found[0].runs[BASELINE]] == list(range(SEEDS))
    assert found[1].runs["sorted"][3] == read_runs(pool, POOL, "sorted")[3][1]


def test_the_truth_is_that_of_all_seeds_and_stretches(pool: Path) -> None:
    gradient, peak, rmse = true_figures(pool, POOL, "sorted")
    assert gradient == pytest.approx(0.9, rel=0.02)
    assert peak == pytest.approx(gradient)
    assert rmse == pytest.approx(1.0)


def test_null_sweeps_hardly_ever_have_a_winner(pool: Path) -> None:
    found = [null_sweep(pool, POOL, 3, draw) for draw in range(60)]
    assert sum(false for false, _ in found) <= 6
    assert sum(told for _, told in found) > 40


def test_a_better_trial_wins_and_intervals_cover_it(pool: Path) -> None:
    wins = [confirmation_errors.better(pool, POOL, "sorted", 0, 5, draw)[0] for draw in range(10)]
    assert all(wins)
    truth = true_figures(pool, POOL, "sorted")
    hits = [covered(pool, POOL, "sorted", 5, truth, draw)[0] for draw in range(20)]
    assert sum(bool(hit) for hit in hits) >= 16
    far = [covered(pool, POOL, "sorted", 5, (0.5, 0.5, 0.5), draw)[0] for draw in range(5)]
    assert not any(far)
