"""What a confirmation measured on the test split: baseline, best reference and winner."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.guards import guard_name
from fieldsharp.objectives.leads.intervals import Interval
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import split_name
from fieldsharp.sweep.study.confirmation.outcome import faults_of_seeds
from fieldsharp.sweep.study.confirmation.over_seeds import SeedOutcome, Spread
from fieldsharp.sweep.study.confirmation.records import (
    BandsOfSplit,
    Confirmation,
    Tested,
    TestedForecast,
)
from fieldsharp.sweep.study.confirmation.runs import ConfirmedRun, Runs


@dataclass(frozen=True)
class MeasuredFigure:
    """A figure of a forecast over new seeds.

    Attributes:
        mean: In physical units; None where every training failed.
        share: Of the observed or of the baseline's, with its interval; None likewise.
    """

    mean: float | None
    share: Interval | None


@dataclass(frozen=True)
class MeasuredForecast:
    """A forecast over new seeds on the test split.

    Attributes:
        name: Of the baseline, of it under a sharpener, or of the winner.
        gradient, peak, rmse: The peak's share is that of its height above the observed mean.
        skill: Over persistence; mean over the seeds, None where it is not known.
        correlation: Of anomalies; likewise.
        score: None where every training failed.
        held_score: Of all variables.
        feasible: Number of seeds with which it breaks no guard.
        seeds: With which it was compared.
        faults: Each guard that breaks and with how many seeds, and how many trainings failed.
        is_winner: Whether it is the winner's.
    """

    name: str
    gradient: MeasuredFigure
    peak: MeasuredFigure
    rmse: MeasuredFigure
    skill: float | None
    correlation: float | None
    score: Spread | None
    held_score: Spread
    feasible: int
    seeds: int
    faults: Sequence[str]
    is_winner: bool


@dataclass(frozen=True)
class MeasuredSplit:
    """The test split as a confirmation measured it.

    Attributes:
        bands: Of gradient and peak.
        observed: ``gradient`` and ``peak`` of the truth; empty where every training failed.
        forecasts: The baseline, it under the best sharpener, and the winner, as far as there are.
        leads: Of the winner over the baseline and the best reference.
        seeds: With which each was trained.
        blocks: Independent blocks of windows; None where they are not known.
        readings: How many winners the split has been read for.
    """

    bands: BandsOfSplit
    observed: Mapping[str, float]
    forecasts: Sequence[MeasuredForecast]
    leads: Sequence[Lead]
    seeds: int
    blocks: int | None
    readings: int


def measured_split(
    confirmation: Confirmation | None, runs: Runs, variable: str = ""
) -> MeasuredSplit | None:
    """Return what a confirmation measured on the test split, None where it measured nothing.

    Args:
        confirmation: Of the study.
        runs: Its trainings, judged on the test split.
        variable: Of several predicted ones, to have that alone; by default scores and guards are
            those of all, and other figures those of the first.
    """
    if confirmation is None or confirmation.tested is None:
        return None
    return _Measured(confirmation, confirmation.tested, runs, variable).split()


def trial_on_test_split(confirmation: Confirmation) -> int | None:
    """Return the number of the trial that was tested beside the baseline, None without one."""
    tested = confirmation.tested
    # Where its lead may be chance with more seeds, the baseline wins, and it was tested before.
    return confirmation.best if tested is not None and tested.winner is not None else None


def why_not_tested(confirmation: Confirmation | None, runs: Runs) -> str:
    """Return why a report has nothing of the test split, a clause; "" where it has."""
    if confirmation is None:
        if runs:
            return "the confirmation was interrupted while it read the test split"
        return "the test split was not read, since the study was not confirmed"
    if confirmation.part == "test":
        return (
            "an earlier version confirmed the study: it compared every trial on the test split, "
            "and the section on the confirmation shows that"
        )
    if confirmation.tested is None:
        return (
            "the test split was not read, since no forecast, the baseline's included, breaks no "
            "guard with more than half of the new seeds on the validation split"
        )
    return ""


@dataclass(frozen=True)
class _Measured:
    """Puts together what is stored of a confirmation's test; see ``measured_split``."""

    confirmation: Confirmation
    tested: Tested
    runs: Runs
    variable: str

    def split(self) -> MeasuredSplit:
        metrics = next(self._metrics_of_baseline(NO_SHARPENER), None)
        return MeasuredSplit(
            bands=self._bands,
            observed={
                name: metrics[f"{name}_observed"]
                for name in ("gradient", "peak")
                if metrics is not None
            },
            forecasts=list(self._forecasts()),
            leads=self.tested.leads,
            seeds=len(self.confirmation.seeds),
            blocks=self.tested.blocks,
            readings=self.tested.readings,
        )

    @property
    def _bands(self) -> BandsOfSplit:
        return self.tested.variables[self.variable] if self.variable else self.tested

    def _forecasts(self) -> Iterator[MeasuredForecast]:
        """Yield each forecast, the baseline first."""
        tested, confirmation = self.tested, self.confirmation
        number = trial_on_test_split(confirmation)
        is_baseline = confirmation.winner == confirmation.baseline
        yield self._forecast(
            "baseline",
            tested.baseline,
            [*self._metrics_of_baseline(NO_SHARPENER)],
            is_winner=is_baseline,
        )
        if tested.reference is not None:
            yield self._forecast(
                f"baseline + {tested.sharpener}",
                tested.reference,
                [*self._metrics_of_baseline(tested.sharpener)],
            )
        trial = confirmation.for_trial(number) if number is not None else None
        if tested.winner is not None and trial is not None:
            sharpener = "" if trial.sharpening == NO_SHARPENER else f" + {trial.sharpening}"
            judged = (run.judgement for run in self._trained(trial.trial))
            yield self._forecast(
                f"trial {trial.trial}{sharpener}",
                tested.winner,
                [self._own(one) for one in judged if one is not None],
                is_winner=confirmation.winner == trial.trial,
            )

    def _forecast(
        self,
        name: str,
        found: TestedForecast,
        metrics: Sequence[Mapping[str, float]],
        *,
        is_winner: bool = False,
    ) -> MeasuredForecast:
        own = found.variables.get(self.variable) if self.variable else found
        spreads = own if metrics else None
        offset = self._bands.peak.offset
        intervals = None
        if found.intervals is not None:
            intervals = found.intervals[self._position]
        baseline = [one["rmse"] for one in self._metrics_of_baseline(NO_SHARPENER)]

        def share(figure: str) -> Interval | None:
            """Return a share with its interval, or the mean over the seeds without one."""
            if intervals is not None:
                interval: Interval = getattr(intervals, figure)
                return interval
            if not metrics:
                return None
            if figure == "rmse":
                value = fmean(one["rmse"] for one in metrics) / fmean(baseline)
            else:
                above = offset if figure == "peak" else 0.0
                value = fmean(
                    (one[figure] - above) / (one[f"{figure}_observed"] - above) for one in metrics
                )
            return Interval(value=value, low=None, high=None)

        def figure(name: str) -> MeasuredFigure:
            spread: Spread | None = getattr(spreads, name, None)
            return MeasuredFigure(spread.mean if spread is not None else None, share(name))

        return MeasuredForecast(
            name=name,
            gradient=figure("gradient"),
            peak=figure("peak"),
            rmse=figure("rmse"),
            skill=_mean(metrics, "skill_persistence"),
            correlation=_mean(metrics, "anomaly_correlation"),
            score=own.score if own is not None else None,
            held_score=found.held_score,
            feasible=found.feasible,
            seeds=len(found.outcomes),
            faults=faults_of_seeds(self._of_variable(found)),
            is_winner=is_winner,
        )

    @property
    def _position(self) -> int:
        return list(self.tested.variables).index(self.variable) if self.variable else 0

    def _of_variable(self, found: TestedForecast) -> TestedForecast:
        """Return a forecast with the guards of the variable alone, by their own names."""
        if not self.variable:
            return found
        of = self.variable if self._position else ""

        def own(outcome: SeedOutcome) -> SeedOutcome:
            names = [name for name in outcome.guards_broken if split_name(name)[0] == of]
            details = [guard for guard in outcome.broken if guard.name in names]
            return outcome.model_copy(
                update={
                    "guards_broken": [guard_name(name) for name in names],
                    "broken": [
                        guard.model_copy(update={"name": guard_name(guard.name)})
                        for guard in details
                    ],
                }
            )

        return found.model_copy(update={"outcomes": [own(one) for one in found.outcomes]})

    def _metrics_of_baseline(self, sharpener: str) -> Iterator[Mapping[str, float]]:
        """Yield every metric of the baseline under a sharpener with each seed that it has."""
        for run in self._trained(self.confirmation.baseline):
            if sharpener in run.forecasts:
                yield self._own(run.forecasts[sharpener])

    def _trained(self, trial: int) -> Iterator[ConfirmedRun]:
        for seed in self.confirmation.seeds:
            run = self.runs.get((trial, seed))
            if run is not None and run.judgement is not None:
                yield run

    def _own(self, metrics: MetricValues) -> Mapping[str, float]:
        return metrics.of(self.variable).overall


def _mean(metrics: Sequence[Mapping[str, float]], name: str) -> float | None:
    values = [one[name] for one in metrics if name in one]
    return fmean(values) if values else None
