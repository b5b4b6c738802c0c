"""The benchmark of ensembles made of baselines, in a short form; no timing is asserted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fields.rows import Row
from benchmarks.fields.sources import Source
from benchmarks.members import AIMS, SHARES, Figures, run_field, table_row
from data.plume_settings import PlumeSettings

SHORT = Row(
    "small plumes",
    Source(PlumeSettings(size=16, frames=200)),
    right={},
    changes=(
        *("training.most_steps=24", "training.least_steps=12", "training.patience_steps=12"),
        "predictor.width=8",
    ),
)
GOOD = Figures(
    gradient=1.0,
    peak=0.96,
    rmse_of_mean=0.99,
    crps=0.9,
    spread=1.1,
    steps=0.25,
    step_time=8.0,
    baseline_gradient=0.8,
    baseline_peak=0.7,
)


@pytest.mark.slow
def test_every_seed_is_a_line_that_is_not_run_again(tmp_path: Path) -> None:
    results = tmp_path / "members.jsonl"

    first = run_field(SHORT, range(1), tmp_path, results)
    written = results.read_text()
    second = run_field(SHORT, range(1), tmp_path, results)

    assert results.read_text() == written
    assert second == first
    (line,) = map(json.loads, written.splitlines())
    assert (line["field"], line["seed"]) == ("small plumes", 0)
    assert line["dropout"] in SHARES
    assert 0.0 < first[0].steps <= 0.25
    assert first[0].gradient > 0.0
    assert first[0].crps > 0.0


def test_what_is_within_its_aim_is_bold() -> None:
    row = table_row("humidity", [GOOD])

    assert row == (
        "| humidity | **1.000** | **0.960** | **0.990** | **0.900** | **1.100** | **0.250** "
        "| **8.000** | 0.800 | 0.700 |"
    )
    assert set(AIMS) == set(Figures.__annotations__) - {"baseline_gradient", "baseline_peak"}


def test_the_share_is_chosen_by_how_sharp_and_honest_members_are_and_by_their_crps() -> None:
    assert GOOD.distance == pytest.approx(0.0 + 0.04 + 0.1 + 0.0 + 0.9)
    inaccurate = replace(GOOD, rmse_of_mean=1.2, gradient=1.3)
    assert inaccurate.distance == pytest.approx(0.3 + 0.04 + 0.1 + 0.2 + 0.9)
