"""Trials that are compared as they are added come to what all of them at once come to."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from fieldsharp.objectives.ranking import ranked
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.objectives.verdicts.compared_trials import PROMISING_SHARE, ComparedTrials
from fieldsharp.objectives.verdicts.contender import Contender, progress, reaches, shortfall
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.verdict import reach_verdict

TARGETS = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 154.0))
OF_TWO = replace(TARGETS, variable="t2m", others={"u10": TARGETS})
GUARDS = (("forward_sobel", "noise"), ("rmse", "its error is too large"), ("change", "it is old"))
VARIANTS = ("sobel", "sorted", "gdl2", "amse_mix")


def _trials(seed: int, count: int, baseline_at: int, variables: Sequence[str]) -> list[Contender]:
    numbers = random.Random(seed)

    def one(number: int) -> Contender:
        broken = GUARDS[: numbers.choice([0, 0, 1, 3])]
        return Contender(
            number,
            score=round(numbers.random(), numbers.choice([1, 4])),
            gradient=numbers.choice([2.1, 2.6, 3.1, 3.1, 3.6]),
            peak=numbers.choice([112.0, 145.0, 145.0, 170.0]),
            broken=tuple(numbers.sample(broken, len(broken))),
            sharpens=numbers.random() < 0.5,
            is_baseline=False,
            rmse=round(numbers.random(), 1),
            value=None if numbers.random() < 0.5 else round(numbers.random(), 3),
            is_complete=numbers.random() < 0.7,
            epochs=numbers.randrange(1, 12),
            variants=tuple(numbers.sample(VARIANTS, numbers.randrange(3))),
        )

    order = list(range(count))
    numbers.shuffle(order)
    found = [replace(one(n), by_variable={name: one(n) for name in variables}) for n in order]
    first = found[baseline_at]
    alone = {name: _as_baseline(one) for name, one in first.by_variable.items()}
    found[baseline_at] = replace(_as_baseline(first), by_variable=alone)
    return found


def _as_baseline(one: Contender) -> Contender:
    return replace(one, score=0.9, gradient=2.133, peak=112.34, is_baseline=True, is_complete=True)


def _by_score(trials: Sequence[Contender]) -> list[Contender]:
    ordered = sorted(trials, key=lambda one: one.number)
    values = [one.score if one.value is None else one.value for one in ordered]
    return [ordered[i] for i in ranked(values, [one.rmse for one in ordered])]


def _require_same(compared: ComparedTrials, trials: Sequence[Contender]) -> None:
    """Compare with the definitions, from all trials at once."""
    targets = compared.targets
    complete = _by_score([c for c in trials if c.is_complete])
    valid = [c for c in complete if not c.broken]
    assert list(compared) == list(trials)
    assert compared.complete == complete
    assert compared.valid == valid
    assert compared.feasible == _by_score([c for c in trials if c.is_complete and not c.broken])
    sharp = [c for c in valid if reaches(c, targets) and not c.is_baseline]
    assert compared.sharp == sharp
    assert compared.sharpening == sum(c.sharpens for c in trials)
    assert compared.tried == {variant for c in trials for variant in c.variants}
    assert compared.baselines == [c for c in trials if c.is_baseline]
    baseline = next((c for c in trials if c.is_baseline), None)
    assert compared.baseline is baseline
    if baseline is None:
        assert not compared.promising
        assert not compared.gamed
        return
    given_up = _by_score([c for c in trials if not c.is_complete and not c.broken])
    assert compared.promising == [
        c
        for c in (*valid, *given_up)
        if c.score < baseline.score and progress(c, baseline, targets) >= PROMISING_SHARE
    ]
    exceeding = _by_score([c for c in trials if not c.is_complete and c.exceeds])
    gamed = [
        c
        for c in (*complete, *exceeding)
        if c.broken
        and not c.is_baseline
        and progress(c, baseline, targets, shortfall) >= PROMISING_SHARE
    ]
    assert compared.gamed == gamed
    assert compared.gamed_sharp == [c for c in gamed if c.is_complete and reaches(c, targets)]
    assert compared.refused == {variant for c in gamed for variant in c.variants}


def _added(targets: Targets, trials: Sequence[Contender]) -> Iterator[ComparedTrials]:
    compared = ComparedTrials(targets)
    for one in trials:
        compared.add(one)
        yield compared


@pytest.mark.parametrize("baseline_at", [0, 5, 69])
@pytest.mark.parametrize("seed", range(5))
def test_every_list_is_that_of_all_trials_at_once(seed: int, baseline_at: int) -> None:
    trials = _trials(seed, 70, baseline_at, ())
    for count, compared in enumerate(_added(TARGETS, trials), start=1):
        _require_same(compared, trials[:count])
    _require_same(ComparedTrials(TARGETS, trials), trials)
    assert compared.sharp, "there is something to compare"
    assert compared.promising
    assert compared.gamed_sharp


@pytest.mark.parametrize("seed", range(3))
def test_of_several_variables_each_is_kept_by_itself(seed: int) -> None:
    trials = _trials(seed, 30, 0, ("t2m", "u10"))
    compared = ComparedTrials(OF_TWO, trials[:10])
    alone = compared.alone("u10", TARGETS)
    for count, one in enumerate(trials[10:], start=11):
        compared.add(one)
        _require_same(compared, trials[:count])
        _require_same(alone, [c.by_variable["u10"] for c in trials[:count]])
    assert compared.alone("u10", TARGETS) is alone
    others = replace(TARGETS, gradient=Band(2.0, 2.2))
    _require_same(compared.alone("u10", others), [c.by_variable["u10"] for c in trials])


@pytest.mark.parametrize("seed", range(5))
def test_the_verdict_is_that_on_a_list_of_the_same_trials(seed: int) -> None:
    trials = _trials(seed, 25, 0, ())
    for to_come, count in zip(reversed(range(25)), range(1, 26), strict=True):
        compared = ComparedTrials(TARGETS, trials[:3])
        for one in trials[3:count]:
            compared.add(one)
        shown = trials[: max(3, count)]
        kept = reach_verdict(Contenders(compared, TARGETS, to_come=to_come))
        assert kept == reach_verdict(Contenders(shown, TARGETS, to_come=to_come))


def test_trials_that_were_compared_with_other_targets_are_compared_anew() -> None:
    trials = _trials(0, 70, 0, ())
    lower = replace(TARGETS, gradient=Band(2.0, 2.2))
    results = Contenders(ComparedTrials(TARGETS, trials), lower)
    assert results.sharp == ComparedTrials(lower, trials).sharp
    assert results.sharp != ComparedTrials(TARGETS, trials).sharp
