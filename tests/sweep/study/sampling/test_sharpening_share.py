"""At least half of the trials that the sampler chooses have a loss variant that can sharpen.

The trials are scripted: every variant that can sharpen is worse than the others and breaks a guard,
so that a sampler that learns avoids all of them.
"""

from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.sampling.sharpening_share import SharpeningShare, with_sharpening_share
from fieldsharp.sweep.study.trial_records import PRESET, SPEC
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, Sweep, metrics_of

SHARPENING = ("sorted", "gdl2")
HOPELESS = ("sobel", "laplacian", "multiscale")
TRIALS = 30


def _search(**more: Any) -> dict[str, Any]:
    space = {
        "gradient_weight": {"low": 0.01, "high": 1.0, "log": True},
        "loss_variant": {"choices": [*HOPELESS, *SHARPENING]},
    }
    return {"pruner": "promotion", "rungs": (1,), "space": space, **more}


def _run(sweep: Sweep) -> list[FrozenTrial]:
    """Run a sweep, and return its trials."""
    executor = FakeExecutor()

    def judge(_poll: int) -> None:
        for spec in executor.submitted[-1:]:
            metrics = metrics_of(gradient=2.9)
            if spec.run.loss.variant in SHARPENING:
                metrics = metrics_of(gradient=1.0) | {"roughness": 30.0}
            of_trial = {(spec.number, epoch): metrics for epoch in range(3)}
            executor.metrics = {**executor.metrics, **of_trial}

    executor.on_poll = judge
    sweep.run(executor)
    return sweep.trials


def _variants(trials: Sequence[FrozenTrial]) -> list[str]:
    return [trial.params["loss_variant"] for trial in trials]


def _least_share(variants: Sequence[str]) -> float:
    """Return the least share of variants that sharpen in the first of them, however many."""
    counts = [sum(one in SHARPENING for one in variants[:n]) for n in range(1, len(variants) + 1)]
    return min(count / n for n, count in enumerate(counts, 1))


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_half_of_what_the_sampler_draws_can_sharpen(make_sweep: MakeSweep, sampler: str) -> None:
    sweep = make_sweep(TRIALS, search=_search(sampler=sampler), training={"epochs": 3})
    variants = _variants(_run(sweep)[1:])
    assert len(variants) == TRIALS - 1
    assert _least_share(variants) >= 0.5
    if sampler == "tpe":  # it drew no other of itself
        assert set(variants[20:]) & set(HOPELESS), "the rest is the sampler's own choice"
        assert set(variants[20:]) >= set(SHARPENING), "not the same again and again"


def test_without_the_share_the_sampler_draws_fewer(
    make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trials of this page are ones that a sampler does avoid."""
    sweep = make_sweep(TRIALS, search=_search(), training={"epochs": 3})
    share = sweep.repository.study.sampler
    assert isinstance(share, SharpeningShare)
    monkeypatch.setattr(sweep.repository.study, "sampler", share.sampler)
    assert _least_share(_variants(_run(sweep)[1:])) < 0.5


def test_a_study_of_the_same_seed_draws_the_same_and_one_of_another_seed_does_not(
    make_sweep: MakeSweep,
) -> None:
    first = make_sweep(14, search=_search(seed=3), training={"epochs": 3})
    drawn = [_variants(_run(first))]
    for name, seed in (("same", 3), ("other", 4)):
        search = first.repository.config.search.model_copy(update={"seed": seed})
        config = first.repository.config.model_copy(update={"study": name, "search": search})
        drawn.append(_variants(_run(Sweep(first.repository.url, config, first.facts))))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_resumed_study_counts_what_was_drawn_before(make_sweep: MakeSweep) -> None:
    _run(make_sweep(10, search=_search(), training={"epochs": 3}))
    again = _run(make_sweep(TRIALS, search=_search(), training={"epochs": 3}))
    assert len(again) == TRIALS
    assert _least_share(_variants(again[1:])) >= 0.5


def test_presets_and_queued_trials_do_not_count(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(24, search=_search(presets="all"), training={"epochs": 3})
    queued = {"gradient_weight": 0.5, "loss_variant": "sorted"}
    for _ in range(5):
        sweep.repository.study.enqueue_trial(queued)
    trials = _run(sweep)
    config = sweep.repository.config
    assert sum(PRESET in trial.user_attrs for trial in trials) == len(presets(config))
    chosen = [trial for trial in trials if "fixed_params" not in trial.system_attrs]
    assert len(chosen) == 24 - 5 - len(presets(config))
    assert _least_share(_variants(chosen)) >= 0.5


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "sampler",
    [
        TPESampler(multivariate=True, n_startup_trials=3, seed=1),
        pytest.param("gp", marks=pytest.mark.outside),
        RandomSampler(seed=1),
    ],
)
def test_values_that_are_chosen_together_keep_the_share(sampler: BaseSampler | str) -> None:
    if sampler == "gp":
        sampler = optuna.samplers.GPSampler(seed=1, n_startup_trials=3)
    assert isinstance(sampler, BaseSampler)
    study = optuna.create_study(sampler=SharpeningShare(sampler, "loss_variant", SHARPENING, 0))
    for _ in range(24):
        trial = study.ask()
        trial.set_user_attr(SPEC, {})
        variant = trial.suggest_categorical("loss_variant", [*HOPELESS, *SHARPENING])
        weight = trial.suggest_float("weight", 0.0, 1.0)
        study.tell(trial, 1.0 + weight if variant in SHARPENING else weight)
    assert _least_share(_variants(study.trials)) >= 0.5
    assert set(_variants(study.trials[4:])) & set(HOPELESS)


@pytest.mark.parametrize(
    ("choices", "loss"),
    [
        (["sobel", "laplacian"], {}),
        (["sorted", "gdl2"], {}),
        (["sobel", "sorted"], {"peak_weight": 0.1}),
    ],
)
def test_the_sampler_is_left_alone_where_the_share_changes_nothing(
    tiny_config: SweepConfig, choices: list[str], loss: dict[str, Any]
) -> None:
    sampler = RandomSampler(seed=0)
    assert with_sharpening_share(sampler, _config(tiny_config, choices, loss)) is sampler


def test_a_term_of_the_user_counts_as_one_that_may_sharpen(tiny_config: SweepConfig) -> None:
    config = _config(tiny_config, ["sobel", "my_terms:sharp"], {})
    share = with_sharpening_share(RandomSampler(seed=0), config)
    assert isinstance(share, SharpeningShare)
    study = optuna.create_study(sampler=share)
    distribution = optuna.distributions.CategoricalDistribution(["sobel", "my_terms:sharp"])
    assert study.ask({"loss_variant": distribution}).params["loss_variant"] == "my_terms:sharp"


def _config(config: SweepConfig, choices: list[str], loss: dict[str, Any]) -> SweepConfig:
    tree = config.model_dump()
    tree["plugins"] = ["my_terms"]
    tree["loss"] |= loss
    tree["search"]["space"] = {
        "loss_variant": {"choices": choices},
        "gradient_weight": {"low": 0.1, "high": 1.0},
    }
    return SweepConfig.model_validate(tree)
