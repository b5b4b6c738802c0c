"""From settings to Optuna: distributions, samplers and pruners."""

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from fieldsharp.sweep.configuration.settings import SearchSettings
from fieldsharp.sweep.configuration.space import distributions, make_pruner, make_sampler


def _search(**settings: Any) -> SearchSettings:
    return SearchSettings.model_validate(settings)


def test_the_default_space_is_the_one_of_the_design() -> None:
    assert distributions(_search()) == {
        "gradient_weight": FloatDistribution(0.01, 10.0, log=True),
        "loss_variant": CategoricalDistribution(
            (
                *("gradient", "sobel", "fourier_amplitude", "laplacian", "multiscale"),
                *("gradient_magnitude", "gdl2", "amse_mix", "sorted", "sorted_gradients"),
            )
        ),
        "multi_step": CategoricalDistribution(("last", "all")),
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "warmup_fraction": FloatDistribution(0.0, 0.3),
    }


@pytest.mark.parametrize(
    ("low", "high", "log", "expected"),
    [
        (4, 64, True, IntDistribution(4, 64, log=True)),
        (4, 64, False, IntDistribution(4, 64)),
        (0.5, 64, False, FloatDistribution(0.5, 64.0)),
    ],
)
def test_whole_ends_make_whole_numbers(
    low: float, high: float, log: bool, expected: optuna.distributions.BaseDistribution
) -> None:
    space = {"predictor.width": {"low": low, "high": high, "log": log}}
    assert distributions(_search(space=space)) == {"predictor.width": expected}


@pytest.mark.parametrize(
    ("name", "kind"), [("tpe", TPESampler), ("random", RandomSampler), ("gp", GPSampler)]
)
def test_a_sampler_is_chosen_by_name(name: str, kind: type[BaseSampler]) -> None:
    assert type(make_sampler(_search(sampler=name), 0)) is kind


def test_tpe_weighs_more_candidates_than_optuna_does() -> None:
    sampler = make_sampler(_search(sampler="tpe"), 0)
    assert isinstance(sampler, TPESampler)
    assert sampler._n_ei_candidates == 64


@pytest.mark.parametrize(
    ("name", "kind"),
    [("none", NopPruner), ("median", MedianPruner), ("hyperband", HyperbandPruner)],
)
def test_a_pruner_is_chosen_by_name(name: str, kind: type[BasePruner]) -> None:
    assert type(make_pruner(_search(pruner=name), epochs=12)) is kind


def _draws(search: SearchSettings, trials_so_far: int) -> list[float]:
    study = optuna.create_study(sampler=make_sampler(search, trials_so_far))
    return [study.ask().suggest_float("x", 0.0, 1.0) for _ in range(3)]


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_draws_repeat_for_a_seed_and_move_on_with_the_number_of_trials(name: str) -> None:
    search = _search(sampler=name, seed=3)
    assert _draws(search, 0) == _draws(search, 0)
    assert _draws(search, 0) != _draws(search, 5)
    assert _draws(search, 0) != _draws(_search(sampler=name, seed=4), 0)


def test_the_largest_seed_is_still_a_seed() -> None:
    make_sampler(_search(seed=2**31 - 1, sampler="random"), 1_000_000)


@pytest.mark.parametrize(("after_epoch", "is_pruned"), [(1, False), (2, True)])
def test_the_median_pruner_waits_for_the_epochs_it_is_told(
    after_epoch: int, is_pruned: bool
) -> None:
    search = _search(pruner="median", pruner_startup_trials=1, pruner_warmup_epochs=2)
    study = optuna.create_study(pruner=make_pruner(search, epochs=10))
    for worst in (1.0, 9.0):
        trial = study.ask()
        for epoch in range(after_epoch + 1):
            trial.report(worst, epoch)
        if worst == 1.0:
            study.tell(trial, worst)
    assert bool(trial.should_prune()) is is_pruned


def test_hyperband_fits_a_training_shorter_than_its_warm_up() -> None:
    pruner = make_pruner(_search(pruner="hyperband", pruner_warmup_epochs=9), epochs=2)
    study = optuna.create_study(pruner=pruner)
    trial = study.ask()
    trial.report(1.0, 0)
    trial.should_prune()
