"""The trials of a sweep in the orders that its verdict needs, kept while trials are added."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import overload

from fieldsharp.objectives.growing_ranking import GrowingRanking
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdicts.contender import Contender, progress, reaches, shortfall

PROMISING_SHARE = 0.45
"""Of the way from baseline to target on the score's logarithmic scale: 2.5, the plan's mark between
2.133 and 3.0, is 0.47 of it."""
VALID = "valid"
SHARP = "sharp"
PROMISING = "promising"
GAMED = "gamed"
GAMED_SHARP = "gamed and sharp"


class ComparedTrials(Sequence[Contender]):
    """Trials compared with a baseline, which is the first one among them, and with targets.

    A sequence of them as they were added. The lists it returns have the best score first, and are
    not to be changed; they grow as trials are added, in time that hardly depends on how many there
    are.

    Args:
        targets: Of the sweep.
        trials: The first ones.

    Attributes:
        baseline: None before there is one.
        baselines: All of them.
        sharpening: How many had a loss that can cure blur from uncertainty.
        tried: The loss terms that were tried.
        refused: The loss terms of the trials that are sharp for a wrong reason.
    """

    def __init__(self, targets: Targets, trials: Iterable[Contender] = ()) -> None:
        self.targets = targets
        self._trials: list[Contender] = []
        self._alone: dict[str, ComparedTrials] = {}
        self._begin(list(trials))

    def _begin(self, trials: list[Contender]) -> None:
        self.baselines = [one for one in trials if one.is_baseline]
        self.baseline = self.baselines[0] if self.baselines else None
        self.sharpening = 0
        self.tried: set[str] = set()
        self.refused: set[str] = set()
        self._trials = trials
        for one in trials:
            self._count(one)
        complete = [one for one in trials if one.is_complete]
        self._complete = _ranking(
            {
                VALID: _is_valid,
                SHARP: self._is_sharp,
                PROMISING: self._is_promising,
                GAMED: self._is_gamed,
                GAMED_SHARP: lambda one: self._is_gamed(one) and reaches(one, self.targets),
            },
            complete,
        )
        # By themselves: which of two that are tied comes first depends on who else is ranked.
        self._given_up = _ranking({PROMISING: self._is_promising}, filter(_is_given_up, trials))
        self._exceeding = _ranking({GAMED: self._is_gamed}, filter(_exceeds, trials))
        self._feasible = _ranking({}, filter(_is_valid, complete))

    def add(self, trial: Contender) -> None:
        """Take a trial in."""
        for variable, alone in self._alone.items():
            alone.add(trial.by_variable.get(variable, trial))
        if trial.is_baseline and self.baseline is None:  # which all others are compared with
            self._begin([*self._trials, trial])
            return
        if trial.is_baseline:
            self.baselines.append(trial)
        self._trials.append(trial)
        self._count(trial)
        if trial.is_complete:
            self._complete.add(trial)
            if _is_valid(trial):
                self._feasible.add(trial)
        if _is_given_up(trial):
            self._given_up.add(trial)
        if _exceeds(trial):
            self._exceeding.add(trial)

    def alone(self, variable: str, targets: Targets) -> "ComparedTrials":
        """Return the same trials in one variable by itself, which are kept from then on.

        Args:
            variable: Its name.
            targets: Of the variable alone.
        """
        known = self._alone.get(variable)
        if known is None or known.targets != targets:
            trials = (one.by_variable.get(variable, one) for one in self._trials)
            known = self._alone[variable] = ComparedTrials(targets, trials)
        return known

    @property
    def complete(self) -> Sequence[Contender]:
        """The trials that were trained to their end."""
        return self._complete.items

    @property
    def valid(self) -> Sequence[Contender]:
        """The complete trials that break no guard."""
        return self._complete.part(VALID)

    @property
    def feasible(self) -> Sequence[Contender]:
        """The same, ranked without those that break one: some that are tied may be told apart."""
        return self._feasible.items

    @property
    def sharp(self) -> Sequence[Contender]:
        """The valid trials beside baselines that reach all targets."""
        return self._complete.part(SHARP)

    @property
    def promising(self) -> list[Contender]:
        """The trials without a broken guard that are far enough on the way; complete ones first."""
        return [*self._complete.part(PROMISING), *self._given_up.part(PROMISING)]

    @property
    def gamed(self) -> list[Contender]:
        """The trials that would be promising or better but for a guard, complete ones first.

        One that overshoots the band is meant too: noise knows no ceiling. One that was given up on
        the way must break a guard against excess: an error that is too large might have fallen.
        """
        return [*self._complete.part(GAMED), *self._exceeding.part(GAMED)]

    @property
    def gamed_sharp(self) -> Sequence[Contender]:
        """The complete ones of them that reach all targets."""
        return self._complete.part(GAMED_SHARP)

    @overload
    def __getitem__(self, index: int) -> Contender: ...

    @overload
    def __getitem__(self, index: slice) -> list[Contender]: ...

    def __getitem__(self, index: int | slice) -> Contender | list[Contender]:
        """Return a trial by the order of adding."""
        return self._trials[index]

    def __len__(self) -> int:
        """Return how many trials there are."""
        return len(self._trials)

    def _count(self, trial: Contender) -> None:
        self.sharpening += trial.sharpens
        self.tried.update(trial.variants)
        if (trial.is_complete or trial.exceeds) and self._is_gamed(trial):
            self.refused.update(trial.variants)

    def _is_sharp(self, trial: Contender) -> bool:
        return _is_valid(trial) and not trial.is_baseline and reaches(trial, self.targets)

    def _is_promising(self, trial: Contender) -> bool:
        baseline = self.baseline
        if baseline is None or trial.broken or not trial.score < baseline.score:
            return False
        return progress(trial, baseline, self.targets) >= PROMISING_SHARE

    def _is_gamed(self, trial: Contender) -> bool:
        baseline = self.baseline
        if baseline is None or not trial.broken or trial.is_baseline:
            return False
        return progress(trial, baseline, self.targets, shortfall) >= PROMISING_SHARE


def _ranking(
    parts: Mapping[str, Callable[[Contender], bool]], trials: Iterable[Contender]
) -> GrowingRanking[Contender]:
    return GrowingRanking(_rank, parts, trials)


def _rank(trial: Contender) -> tuple[float, int, float]:
    value = trial.score if trial.value is None else trial.value
    return value, trial.number, trial.rmse


def _is_valid(trial: Contender) -> bool:
    return not trial.broken


def _is_given_up(trial: Contender) -> bool:
    return not trial.is_complete and not trial.broken


def _exceeds(trial: Contender) -> bool:
    return not trial.is_complete and trial.exceeds
