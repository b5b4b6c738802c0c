"""What is known to be wrong before a trial starts, in one sentence each."""

from pathlib import Path

import numpy as np
import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.objectives.limits.truth_variation import OF_THE_FORECAST
from fieldsharp.sweep.checking.checks import open_context
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.data_summary import DataSummary


@pytest.mark.parametrize(
    ("limit", "guard"),
    [
        ("std_ratio=0.9", "standard_deviation: it has 1 and objective.guards allows 0.9"),
        ("power_small_db=-1", "spectrum_small: it has 0 and objective.guards allows -1"),
        ("forward_sobel_over_observed=0.5", "forward_sobel"),
    ],
)
def test_a_guard_that_the_truth_itself_breaks_is_refused(
    tiny_yaml: Path, limit: str, guard: str
) -> None:
    config = load_config(tiny_yaml, [f"objective.guards.{limit}"]).config
    with pytest.raises(ConfigError, match=f"the truth itself breaks the guard {guard}"):
        run_preflight(config)


def test_the_truth_breaks_no_guard_by_default(tiny_facts: DataSummary) -> None:
    assert tiny_facts.gradient_observed is not None
    assert tiny_facts.gradient_observed > 0


def test_the_variation_of_the_truth_is_among_the_facts(tiny_facts: DataSummary) -> None:
    assert tiny_facts.variation is not None
    assert 1.0 <= tiny_facts.variation.independent_samples <= tiny_facts.windows["validation"]
    assert set(tiny_facts.variation.largest) == set(OF_THE_FORECAST)
    older = tiny_facts.model_dump(mode="json", exclude={"variation"})
    assert DataSummary.model_validate(older).variation is None


def test_a_mask_with_too_few_interior_cells_is_refused(tiny_yaml: Path, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(10.0, 1.0, (150, 12, 12))
    values[:, :, 6:] = np.nan
    values[:, 7:, :] = np.nan  # 7 x 6 cells, 5 x 4 of them interior
    values[:, 3, 3] = np.nan  # and a lake that touches nine of those
    np.save(tmp_path / "few.npy", values)
    config = load_config(tiny_yaml, [f"data.path={tmp_path / 'few.npy'}"]).config
    with pytest.raises(ConfigError, match="only 11 cells of 'few' have eight valid neighbours"):
        run_preflight(config)


def test_a_raw_weight_is_recorded_as_the_normalised_one_that_does_the_same(
    tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    assert set(tiny_facts.weight_units) == {
        "plan 0: weight 0.05, last step",
        "plan 1: weight 0.2, last step",
        "plan 2: weight 0.2, all steps",
        "plan 3: Sobel",
        "plan 3: Laplacian",
    }
    assert all(unit > 0 for unit in tiny_facts.weight_units.values())
    raw = {**tiny_config.model_dump(), "loss": {"normalise": "none"}}
    assert run_preflight(SweepConfig.model_validate(raw)).facts.weight_units == {}


def test_a_normalised_weight_is_recorded_as_the_raw_one_that_does_the_same(tiny_yaml: Path) -> None:
    settings = ["search.presets=sharpeners", "loss.normalise=none"]
    raw = run_preflight(load_config(tiny_yaml, settings).config).facts
    assert set(raw.weight_units) == {"sharpener: sorted 1"}
    search = ["search.presets=plan", "search.space.loss_variant.choices=[sorted]"]
    normalised = load_config(tiny_yaml, search).config
    assert run_preflight(normalised).facts.weight_units == {}


def test_check_and_start_refuse_a_predictor_that_cannot_go_on_from_the_baseline(
    tiny_yaml: Path,
) -> None:
    given = [
        *("training.start=baseline", "plugins=[tests]", "predictor.name=ensemble"),
        "predictor.options={member: tests.sweep.engine.one_noise_a_net:OneNoise, noise: input}",
    ]
    config = load_config(tiny_yaml, given).config
    with pytest.raises(ConfigError, match="of another predictor than that of this trial"):
        run_preflight(config)
    with pytest.raises(ConfigError, match="of another predictor than that of this trial"):
        open_context(config)
    fresh = config.model_copy(
        update={"training": config.training.model_copy(update={"start": "fresh"})}
    )
    run_preflight(fresh)
