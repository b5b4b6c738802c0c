"""Counts the passes of one search and scores its full trials, the same way for every method."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fieldsharp.core.errors import FieldsharpError
from fieldsharp.objectives.guards import broken, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.epoch_report import EpochReport


class SearchEnded(Exception):
    """The search has reached its target or its limit of passes."""


@dataclass(frozen=True)
class FullTrial:
    """A trial that was trained through all its epochs.

    Attributes:
        passes: Sample passes of the search until then.
        score: Against the finished baseline.
        broken: Guards that it breaks, by name.
    """

    passes: int
    score: float
    broken: Sequence[str]


@dataclass(frozen=True)
class SearchRun:
    """Result of one search with one seed.

    Attributes:
        method: Its name.
        seed: Of its sampler.
        windows: Sample passes of an epoch.
        epochs: Trained by each trial in the order they began, the baseline first.
        full: The trials that were trained to their end, in the order they ended.
        seconds: Run time of the benchmark, without cached trainings.
    """

    method: str
    seed: int
    windows: int
    epochs: Sequence[int]
    full: Sequence[FullTrial]
    seconds: float

    @property
    def passes(self) -> int:
        """Sample passes of the search."""
        return self.windows * sum(self.epochs)

    def passes_to(self, target: float) -> int | None:
        """Return the passes until a trial reached a score and broke no guard, None if none did."""
        reached = (one.passes for one in self.full if not one.broken and one.score <= target)
        return next(reached, None)

    @property
    def trajectory(self) -> list[tuple[int, float]]:
        """Passes and score at each improvement of the best full trial that breaks no guard."""
        found: list[tuple[int, float]] = []
        for one in self.full:
            if not one.broken and (not found or one.score < found[-1][1]):
                found.append((one.passes, one.score))
        return found

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON, enough to evaluate any other target."""
        return {**asdict(self), "passes": self.passes, "trajectory": self.trajectory}


@dataclass(frozen=True)
class Referee:
    """Scores full trials, the same way for every search.

    Attributes:
        objective: How a forecast is scored, and which guards it is held to.
        targets: What gradient and peak must reach.
        baseline: The finished baseline.
    """

    objective: ObjectiveSettings
    targets: Targets
    baseline: MetricValues

    def judge(self, judgement: MetricValues, passes: int) -> FullTrial:
        """Return score and broken guards of a full trial."""
        rmse = self.baseline.overall["rmse"]
        score = score_forecast(
            judgement.overall, self.targets, rmse, self.objective.rmse_weight
        ).total
        wrong = broken(check_guards(judgement, self.objective.guards, self.baseline))
        return FullTrial(passes, score, tuple(guard.name for guard in wrong))


@dataclass
class Account:
    """Counts the epochs of one search and ends it at its target or limit.

    Attributes:
        referee: Scores its full trials.
        windows: Sample passes of an epoch.
        target: The score at which the search ends.
        cap: Sample passes at which it ends in any case.
        epochs: Trained so far, by trial.
        full: Trials trained to their end so far.
    """

    referee: Referee
    windows: int
    target: float
    cap: int
    epochs: dict[int, int] = field(default_factory=dict)
    full: list[FullTrial] = field(default_factory=list)

    @property
    def passes(self) -> int:
        """Sample passes so far."""
        return self.windows * sum(self.epochs.values())

    @property
    def has_ended(self) -> bool:
        """Whether the search has reached its target or its limit."""
        return self.passes >= self.cap or any(
            not one.broken and one.score <= self.target for one in self.full
        )

    def begin(self) -> int:
        """Return the number of a trial that begins."""
        number = len(self.epochs)
        self.epochs[number] = 0
        return number

    def add(self, number: int, run: RunSettings, report: EpochReport | None) -> None:
        """Count a trained epoch of a trial.

        Args:
            number: The trial.
            run: Settings of the trial.
            report: Report of the epoch; None if the training failed in it.

        Raises:
            FieldsharpError: If its baseline, the first trial, is not the referee's.
        """
        self.epochs[number] = self.epochs.get(number, 0) + 1
        if report is None or report.epoch < run.training.epochs - 1:
            return
        theirs, ours = report.metrics["rmse"], self.referee.baseline.overall["rmse"]
        if number == 0 and theirs != ours:
            raise FieldsharpError(
                f"the baseline of this search has an RMSE of {theirs:g}, that of the others "
                f"{ours:g}; configure values that lie within the ranges of search.space"
            )
        self.full.append(self.referee.judge(report.judgement, self.passes))

    def require_open(self) -> None:
        """Check that the search has not ended.

        Raises:
            SearchEnded: If it has not.
        """
        if self.has_ended:
            raise SearchEnded

    def closed(self, method: str, seed: int, seconds: float) -> SearchRun:
        """Return the result of the search."""
        epochs = [self.epochs[number] for number in sorted(self.epochs)]
        return SearchRun(method, seed, self.windows, epochs, list(self.full), seconds)
