"""What is kept of a study while it changes is what all of its trials come to, read anew.

After every poll of a sweep in which trials are paused, promoted, pruned, fail, are lost and tried
again, and are queued or ended by another program; and after it is resumed.
"""

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.objectives.verdicts.compared_trials import ComparedTrials
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.sampling.rung_aware_sampler import RungAwareSampler
from fieldsharp.sweep.study.sampling.sharpening_share import ChosenValues, SharpeningShare
from fieldsharp.sweep.study.sampling.study_view import ViewCache
from fieldsharp.sweep.study.trial_records import SPEC
from fieldsharp.sweep.study.verdict import study_verdict
from fieldsharp.sweep.study.verdict_inputs import contenders
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep, Sweep, metrics_of

TRIALS = 14
SEARCH = {
    "pruner": "promotion",
    "rungs": (1, 2),
    "promote_one_in": 2,
    "sampler": "tpe",
    "space": {
        "gradient_weight": {"low": 0.01, "high": 1.0, "log": True},
        "loss_variant": {"choices": ["sobel", "sorted"]},
    },
}


class Witness:
    """Compares what is kept with what all trials come to, at each poll."""

    def __init__(self, sweep: Sweep, coordinator: Coordinator) -> None:
        self.sweep = sweep
        self.study = sweep.repository.study
        self._verdicts = coordinator._verdicts
        self.names: set[str] = set()
        self.states: set[str] = set()

    def look(self, _poll: int) -> None:
        """Compare all of it."""
        trials = _as_optuna_reads(self.sweep)
        assert self.study.get_trials(deepcopy=False) == trials
        self.states |= {trial.state.name for trial in trials}
        self._look_at_the_verdict(trials)
        self._look_at_the_sampler(trials)

    def _look_at_the_verdict(self, trials: list[FrozenTrial]) -> None:
        verdict, config = self._verdicts.verdict, self.sweep.repository.config
        ended = contenders(trials)
        anew = ComparedTrials(self._verdicts.facts.targets, ended)
        kept = self._verdicts._compared
        assert sorted(one.number for one in kept) == [one.number for one in ended]
        for name in ("complete", "valid", "feasible", "sharp", "promising", "gamed"):
            assert list(getattr(kept, name)) == list(getattr(anew, name)), name
        if verdict is None or not ended:
            return
        expected = study_verdict(self.study, trials, config, self._verdicts.facts)
        same = ("name", "reason", "trial", "sharpening")  # next also says what is left to narrow
        assert [getattr(verdict, one) for one in same] == [getattr(expected, one) for one in same]
        self.names.add(verdict.name)

    def _look_at_the_sampler(self, trials: list[FrozenTrial]) -> None:
        share = self.study.sampler
        assert isinstance(share, SharpeningShare)
        learner = share.sampler
        assert isinstance(learner, RungAwareSampler)
        kept, anew = learner._cache, ViewCache()
        kept.update(self.study.get_trials(deepcopy=False))
        anew.update(trials)
        for states in (None, (TrialState.COMPLETE,), (TrialState.RUNNING, TrialState.WAITING)):
            assert kept.shown(states) == anew.shown(states)
            assert kept.selected(states) == anew.selected(states)
        assert kept._best_first == anew._best_first
        share._chosen.update(self.study.get_trials(deepcopy=False))
        chosen = [
            trial
            for trial in trials
            if "loss_variant" in trial.params
            and SPEC in trial.user_attrs
            and "fixed_params" not in trial.system_attrs
        ]
        for before in (0, len(trials) // 2, len(trials)):
            variants = [t.params["loss_variant"] for t in chosen if t.number < before]
            assert share._chosen.before(before) == (len(variants), variants.count("sorted"))


def _as_optuna_reads(sweep: Sweep) -> list[FrozenTrial]:
    repository = sweep.repository
    storage = RDBStorage(repository.url)
    study = optuna.load_study(study_name=repository.study.study_name, storage=storage)
    return study.get_trials(deepcopy=False)


def _executor(sweep: Sweep) -> FakeExecutor:
    executor = FakeExecutor(slots=2, failing={5: "its loss is not finite"})
    executor.cause = "training"
    gradients = (2.1, 2.2, 2.6, 3.1, 2.9, 3.2, 2.4)
    executor.metrics = {
        (number, epoch): metrics_of(
            gradient=gradients[number % len(gradients)],
            peak=112.0 if number == 0 else 145.0,
            rmse=10.0 + number % 4,
        )
        | ({"roughness": 30.0} if number % 5 == 4 else {})
        for number in range(3 * TRIALS)
        for epoch in range(4)
    }
    return executor


def _run(sweep: Sweep, others: Study) -> Witness:
    executor = _executor(sweep)
    coordinator = sweep.coordinator(executor)
    witness = Witness(sweep, coordinator)

    def poll(number: int) -> None:
        witness.look(number)
        if number == 6:  # by another program
            others.enqueue_trial({"gradient_weight": 0.3, "loss_variant": "sorted"})
        if number == 9:
            others.set_user_attr("note", "of a person")
        lost = next(iter(executor._at), None)
        if number == 11 and lost is not None:
            sweep.clock.now += 1e6  # nothing was heard of what runs

    executor.on_poll = poll
    coordinator.run()
    witness.look(-1)
    return witness


@pytest.mark.parametrize("stops", [False, True])
def test_a_sweep_and_its_resumption(make_sweep: MakeSweep, stops: bool) -> None:
    def sweep_of(trials: int) -> Sweep:
        budget = {"stop_on_success": False, "stop_on_nothing_to_fix": False}
        return make_sweep(trials, search=SEARCH, training={"epochs": 4}, budget=budget)

    first = sweep_of(TRIALS // 2 if stops else TRIALS)
    others = load_study(open_database(first.repository.url, "write"), "tiny")
    witness = _run(first, others)
    states = set(witness.states)
    if stops:
        states |= _run(sweep_of(TRIALS), others).states
    assert states == {state.name for state in TrialState}


def test_trials_that_are_gone_or_were_replaced_are_not_kept() -> None:
    trials = [_trial(number, float(number)) for number in range(6)]
    kept, chosen = ViewCache(), ChosenValues("loss_variant", ["sorted"])
    fewer = [*trials[:2], *trials[3:5]]
    replaced = [trials[0], _trial(1, -1.0, "sobel"), *trials[2:]]
    for now in (trials, fewer, replaced, [], trials):
        anew = ViewCache()
        for view in (kept, anew):
            view.update(now)
        assert kept.shown(None) == anew.shown(None) == now
        assert kept._best_first == anew._best_first
        chosen.update(now)
        variants = [trial.params["loss_variant"] for trial in now if trial.number < 4]
        assert chosen.before(4) == (len(variants), variants.count("sorted"))


def _trial(number: int, value: float, variant: str = "sorted") -> FrozenTrial:
    choices = optuna.distributions.CategoricalDistribution(("sorted", "sobel"))
    trial = create_trial(
        value=value,
        params={"loss_variant": variant},
        distributions={"loss_variant": choices},
        user_attrs={SPEC: {}},
    )
    trial.number = number
    return trial
