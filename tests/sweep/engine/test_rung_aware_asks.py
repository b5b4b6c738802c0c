"""What the sampler sees of a sweep with promotion."""

from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.sweep.study.sampling.sharpening_share import SharpeningShare
from fieldsharp.sweep.study.sampling.study_view import BEST, MOST, RungStudy, ViewCache
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, metrics_of

EPOCHS = 4
TRIALS = 30


def test_trials_given_up_at_a_rung_count_with_what_they_came_to_there(
    make_sweep: MakeSweep,
) -> None:
    search = {"pruner": "promotion", "rungs": (1, 2), "promote_one_in": 3}
    sweep = make_sweep(12, search=search, training={"epochs": EPOCHS})
    sweep.run(FakeExecutor(slots=2))
    study = sweep.repository.study
    assert isinstance(study.sampler, SharpeningShare)
    seen = RungStudy(study).get_trials(states=(TrialState.COMPLETE,))
    assert [trial.number for trial in seen] == list(range(12))
    for trial, shown in zip(sweep.trials, seen, strict=True):
        if trial.state is TrialState.COMPLETE:
            assert shown is trial or shown == trial
        else:
            assert shown.values == trial.user_attrs["rungs"][-1]["values"]
    assert TrialState.PRUNED in {trial.state for trial in sweep.trials}, "what is kept is as it was"


def test_the_sampler_learns_from_trials_that_only_came_to_a_rung(make_sweep: MakeSweep) -> None:
    """Sharp only at weights above 0.5: nearly all others are given up at the first rung."""
    search = {
        "pruner": "promotion",
        "rungs": (1,),
        "promote_one_in": 10,
        "space": {"gradient_weight": {"low": 0.0, "high": 1.0}},
    }
    loss = {"variant": "sobel"}
    sweep = make_sweep(TRIALS, search=search, training={"epochs": 2}, loss=loss)
    executor = FakeExecutor()

    def judge(_poll: int) -> None:
        for spec in executor.submitted[-1:]:
            gradient = 1.0 + spec.run.loss.gradient_weight
            for epoch in range(2):
                executor.metrics = {
                    **executor.metrics,
                    (spec.number, epoch): metrics_of(gradient=gradient),
                }

    executor.on_poll = judge
    sweep.run(executor)
    weights = [trial.params["gradient_weight"] for trial in sweep.trials[1:]]
    complete = sum(trial.state is TrialState.COMPLETE for trial in sweep.trials)
    assert complete <= 10, "most were only seen at the rung"
    drawn, chosen = weights[:10], weights[10:]
    assert sum(chosen) / len(chosen) > sum(drawn) / len(drawn) + 0.1


def test_of_many_trials_the_best_and_the_newest_are_worth_knowing() -> None:
    trials = [_complete(number, value=float(number % 1000)) for number in range(2 * MOST)]
    trials[7] = _complete(7, value=-1.0, violation=2.0)
    cache = ViewCache()
    cache.update(trials[:MOST])
    assert cache.selected(None) == trials[:MOST]
    cache.update(trials)
    known = cache.selected(None)
    numbers = [trial.number for trial in known]
    assert numbers == sorted(numbers)
    assert len(known) == MOST
    assert set(numbers) >= set(range(MOST + BEST, 2 * MOST)), "the newest"
    assert set(numbers) >= set(range(BEST + 1)) - {7}, "the best of the others"
    assert 7 not in numbers, "it breaks a guard"


def test_what_became_of_a_trial_since_the_last_look_is_seen() -> None:
    trials = [_complete(number, value=1.0) for number in range(MOST + BEST)]
    cache = ViewCache()
    cache.update(trials)
    assert 60 not in [trial.number for trial in cache.selected(None)]
    trials[60] = _complete(60, value=0.5)  # another object, as the storage makes one
    cache.update(trials)
    known = cache.selected((TrialState.COMPLETE,))
    assert [trial.values for trial in known if trial.number == 60] == [[0.5]]
    assert len(known) == MOST
    assert 49 not in [trial.number for trial in known], "one place is taken"
    assert cache.selected((TrialState.FAIL,)) == []


def _complete(number: int, value: float, violation: float = 0.0) -> FrozenTrial:
    trial = create_trial(value=value, system_attrs={f"{_CONSTRAINTS_KEY}:roughness": violation})
    trial.number = number
    return trial
