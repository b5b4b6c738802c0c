"""A sweep on a simulated landscape: Optuna's samplers, whole trainings or rungs, in parallel."""

import heapq
import itertools
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, create_study
from optuna.trial import FrozenTrial, Trial, TrialState

from fieldsharp.sweep.configuration.ranges import Scalar
from research.score_landscapes import Landscape, Outcome

SamplerView = Literal["pruned", "latest", "lowest", "corrected"]
"""The sampler's view of a trial trained to a rung: as pruned, ranked behind all complete ones; as
complete with its latest score; every trial with its score at the lowest rung; or the latest score
plus the median change of the others from there."""


@dataclass(frozen=True)
class Plan:
    """Sampler, queue and rungs of a simulated sweep.

    Attributes:
        sampler: Made from a seed.
        queued: Configurations that come first; the first is the baseline, trained to the end.
        branches: Settings that every loss variant has of its own.
        rungs: Epochs after which only the best go on; the last is a whole training.
        view: The sampler's view of a trial that was not promoted.
        workers: Trainings at a time.
    """

    sampler: Callable[[int], BaseSampler]
    queued: Sequence[Mapping[str, Scalar]] = ()
    branches: tuple[str, ...] = ()
    rungs: tuple[int, ...] = (12,)
    view: SamplerView = "pruned"
    workers: int = 2


@dataclass(frozen=True)
class Finished:
    """A whole training.

    Attributes:
        epochs: Spent by the sweep when it ended, by all trials.
        observed: Its score with the noise of one training; infinite where a guard is broken.
        true: Its score without noise; infinite where a guard is truly broken.
    """

    epochs: int
    observed: float
    true: float


@dataclass
class _Candidate:
    trial: Trial
    outcome: Outcome
    epochs: int = 0
    at_work: bool = True
    distributions: Mapping[str, BaseDistribution] = field(default_factory=dict)

    def rank(self, rung: int) -> tuple[bool, float]:
        violation = float(self.outcome.violations[rung - 1])
        return violation > 0, violation if violation > 0 else float(self.outcome.scores[rung - 1])


class _StudyView(Study):
    """A study whose sampler gets the trials of ``view``."""

    view: Callable[[], list[FrozenTrial]]

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002
        states: Container[TrialState] | None = None,
        use_cache: bool = False,  # noqa: ARG002
    ) -> list[FrozenTrial]:
        return [trial for trial in self.view() if states is None or trial.state in states]


class SimulatedSweep:
    """Runs one sweep.

    Args:
        landscape: Scores of trainings.
        space: What is searched.
        plan: How.
        seed: Of the sampler, and of the noise of trainings.
    """

    def __init__(
        self, landscape: Landscape, space: Mapping[str, BaseDistribution], plan: Plan, seed: int
    ) -> None:
        self._landscape = landscape
        self._space = space
        self._plan = plan
        self._rng = np.random.default_rng(seed + 77)
        made = create_study()
        self._study = _StudyView(made.study_name, made._storage, sampler=plan.sampler(seed))
        self._study.view = self._trial_views
        self._candidates: list[_Candidate] = []
        for values in plan.queued:
            self._study.enqueue_trial({self._name(n, values): v for n, v in values.items()})

    def run(self, epochs: int) -> list[Finished]:
        """Return the whole trainings of a sweep that starts nothing once its epochs are spent."""
        rungs = self._plan.rungs
        done: list[Finished] = []
        at_work: list[tuple[float, int, int]] = []
        now, spent = 0.0, 0
        while True:
            while len(at_work) < self._plan.workers and spent < epochs:
                one, to = self._next()
                one.at_work = True
                spent += to - one.epochs
                length = (to - one.epochs) * self._rng.uniform(0.95, 1.05)
                heapq.heappush(at_work, (now + length, one.trial.number, to))
            if not at_work:
                return done
            now, number, to = heapq.heappop(at_work)
            one = self._candidates[number]
            one.epochs, one.at_work = to, False
            if to == rungs[-1]:
                broken, score = one.rank(to)
                true = one.outcome.true_score
                true = np.inf if one.outcome.true_violation > 0 else true
                done.append(Finished(spent, np.inf if broken else score, true))

    def _next(self) -> tuple[_Candidate, int]:
        """Return the next trial and the rung to train it to: a promoted trial, else a new one."""
        rungs = self._plan.rungs
        for rung, further in reversed(list(itertools.pairwise(rungs))):
            reached = sorted(
                (one for one in self._candidates if one.epochs >= rung),
                key=partial(_Candidate.rank, rung=rung),
            )
            for one in reached[: len(reached) // 3]:
                if one.epochs == rung and not one.at_work:
                    return one, further
        trial, values = self._ask()
        one = _Candidate(trial, self._landscape.train(values, self._rng))
        one.distributions = trial.distributions
        self._candidates.append(one)
        return one, rungs[-1] if trial.number == 0 else rungs[0]

    def _ask(self) -> tuple[Trial, dict[str, Scalar]]:
        if not self._plan.branches:
            trial = self._study.ask(dict(self._space))
            return trial, dict(trial.params)
        trial = self._study.ask()
        values: dict[str, Scalar] = {}
        for name, distribution in self._space.items():  # the variant first
            values[name] = trial._suggest(self._name(name, values), distribution)
        return trial, values

    def _name(self, name: str, values: Mapping[str, Scalar]) -> str:
        branch = name in self._plan.branches
        return f"{name} of {values['loss_variant']}" if branch else name

    def _trial_views(self) -> list[FrozenTrial]:
        gains = self._gains() if self._plan.view == "corrected" else {}
        return [self._as_frozen(one, gains) for one in self._candidates]

    def _gains(self) -> dict[int, float]:
        """Return the median change of the score from each rung to the next."""
        gains = {}
        for rung, further in itertools.pairwise(self._plan.rungs):
            moved = [
                float(one.outcome.scores[further - 1] - one.outcome.scores[rung - 1])
                for one in self._candidates
                if one.epochs >= further
            ]
            gains[rung] = float(np.median(moved)) if moved else 0.0
        return gains

    def _as_frozen(self, one: _Candidate, gains: Mapping[int, float]) -> FrozenTrial:
        rungs, view, epochs = self._plan.rungs, self._plan.view, one.epochs
        state = TrialState.COMPLETE if epochs else TrialState.RUNNING
        steps, value, attributes = {}, None, {}
        if epochs:
            scores = one.outcome.scores
            value = float(scores[(rungs[0] if view == "lowest" else epochs) - 1])
            value += sum(gain for rung, gain in gains.items() if rung >= epochs)
            steps = {rung: float(scores[rung - 1]) for rung in rungs if rung <= epochs}
            attributes = {"constraints": [float(one.outcome.violations[epochs - 1])]}
            if view == "pruned" and epochs < rungs[-1]:
                state = TrialState.PRUNED
        return FrozenTrial(
            number=one.trial.number,
            trial_id=one.trial._trial_id,
            state=state,
            value=value,
            datetime_start=None,
            datetime_complete=None,
            params=one.trial.params,
            distributions=dict(one.distributions),
            user_attrs={},
            system_attrs=attributes,
            intermediate_values=steps,
        )
