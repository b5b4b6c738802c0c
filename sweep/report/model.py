"""The data of a report, without sentences, tables or pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.guards_of_variables import outcomes_of
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.pictures.sharpness_source import SharpnessPoint
from fieldsharp.sweep.report.measured import MeasuredSplit
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.provenance import Provenance

Kind = str
"""``baseline``, ``reference`` for it under its best sharpener, or ``forecast`` for the chosen trial
with its sharpener."""


MEMBERS = "members"
"""The mode in which members are judged together."""


@dataclass(frozen=True)
class TrialRow:
    """One trial in charts and tables; physical units, validation split.

    Attributes:
        state: Optuna's name of its state, or PAUSED.
        feasible: Whether it breaks no guard; of a pruned trial, after its last epoch.
        score: The lower the better; None before the first epoch.
        sharpness: The part of the score from gradient and peak; None likewise.
        gradient_share: Ratio to the observed gradient; None likewise.
        rmse_share: Ratio to the baseline's RMSE; None likewise.
        params: Searched parameters, as Optuna stores them.
        sharpener: That it is judged with; None where none was tried.
    """

    number: int
    state: str
    feasible: bool
    score: float | None
    sharpness: float | None
    gradient_share: float | None
    rmse_share: float | None
    preset: str | None
    is_baseline: bool
    variant: str | None
    params: Mapping[str, Scalar]
    guards_broken: tuple[str, ...] = ()
    sharpener: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it ran all its epochs and can be compared."""
        return self.state == "COMPLETE" and self.score is not None


@dataclass(frozen=True)
class ForecastResult:
    """Metrics of one forecast on the validation split; physical units.

    Attributes:
        score: The lower the better.
        scores: Of each of several predicted variables, by name; the score is their mean.
    """

    metrics: MetricValues
    score: float
    guards: Sequence[GuardOutcome]
    scores: Mapping[str, float] = field(default_factory=dict)

    def of(self, variable: str) -> "ForecastResult":
        """Return the result of one variable alone."""
        return ForecastResult(
            self.metrics.of(variable),
            self.scores[variable],
            outcomes_of(self.guards, variable, self.metrics.others),
        )


@dataclass(frozen=True)
class SplitResults:
    """Results of the baseline and the chosen trial on the validation split.

    Attributes:
        results: Of each forecast that was evaluated.
        observed: Preview of the observations; None without previews.
        forecasts: Previews of the forecasts.
    """

    targets: Targets
    results: Mapping[Kind, ForecastResult]
    observed: ObservedPreview | None = None
    forecasts: Mapping[Kind, ForecastPreview] = field(default_factory=dict)

    def of(self, variable: str) -> "SplitResults":
        """Return the results of one of several predicted variables alone."""
        by_variable = self.targets.by_variable
        position = list(by_variable).index(variable)
        observed = self.observed
        if observed is not None and position > len(observed.others):
            observed = None
        return SplitResults(
            by_variable[variable],
            {kind: result.of(variable) for kind, result in self.results.items()},
            observed and observed.of(position),
            {}
            if observed is None
            else {kind: one.of(position) for kind, one in self.forecasts.items()},
        )

    @property
    def observed_metrics(self) -> Mapping[str, float]:
        """Metrics of the observations, ``gradient_observed`` and the like; empty if unknown."""
        return next((result.metrics.overall for result in self.results.values()), {})

    def by_lead(self, metric: str) -> dict[str, Sequence[float]]:
        """Return a metric at each lead, by ``observed``, ``baseline`` and ``forecast``."""
        lines: dict[str, Sequence[float]] = {}
        for result in self.results.values():
            lines["observed"] = result.metrics.by_lead.get(f"{metric}_observed", [])
        for kind, result in self.results.items():
            lines[kind] = result.metrics.by_lead.get(metric, [])
        return {kind: values for kind, values in lines.items() if len(values)}


@dataclass(frozen=True)
class Chosen:
    """The trial the report is about.

    Attributes:
        why: Why it was chosen, in words.
        standing: How far its score can be trusted, in words, as in its export.
        params: Searched parameters, with the values that were trained.
        export: Its configuration as YAML.
        warnings: Flaws of its forecast that no guard forbids.
    """

    number: int
    why: str
    standing: str
    is_baseline: bool
    params: Mapping[str, Scalar]
    preset: str | None
    export: str
    warnings: Sequence[str]


@dataclass(frozen=True)
class VariantRow:
    """Scores of the trials with one loss variant; validation split.

    Attributes:
        optimum: The forecast that minimises it.
        sharpens: Whether it can cure blur from uncertainty; None if not known.
        trials: Number of trials with a score.
        feasible: Number of those that break no guard.
        best: Lowest score of complete feasible trials; None without any.
        median: Of the scores of all.
        gradient_share: Ratio to the observed gradient, of the best trial.
    """

    name: str
    optimum: str
    sharpens: bool | None
    trials: int
    feasible: int
    best: float | None
    median: float
    gradient_share: float | None


@dataclass(frozen=True)
class GuardRow:
    """Outcomes of one guard; validation split.

    Attributes:
        flaw: Of a forecast that breaks it, in words.
        at_most: Whether the limit is an upper limit, else a lower one.
        broken_by: Number of complete trials that break it.
        outcomes: Of the baseline and the chosen trial.
    """

    name: str
    flaw: str
    at_most: bool
    broken_by: int
    outcomes: Mapping[Kind, GuardOutcome]


@dataclass(frozen=True)
class CommonChoice:
    """A choice that most of the best trials made.

    Attributes:
        in_best: Number of the best trials with it.
        in_all: Number of all trials with it.
    """

    value: Scalar
    in_best: int
    in_all: int


@dataclass(frozen=True)
class Importance:
    """Importance of each setting for reaching the best scores.

    Attributes:
        shares: By setting, adding up to 1, the largest first; empty if it cannot be computed.
        trials: Number of trials compared.
        best: Number of them that count as the best.
        why_not: Why it cannot be computed, "" if it can.
        constants: Settings with a single value.
        common: By setting, the choice that most of the best trials made.
    """

    shares: Mapping[str, float]
    trials: int
    best: int
    why_not: str = ""
    constants: Sequence[str] = ()
    common: Mapping[str, CommonChoice] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """Time and memory that the study took.

    Attributes:
        states: Number of trials in each state.
        epochs: Trained in total.
        seconds: Of the workers, on trials.
        confirm_seconds: Of the workers, on confirming.
        median_seconds: Of a complete trial; None without any.
        peak_memory_mb: Largest of any worker.
        precisions: Of their matrix products.
        first: Start of the first trial.
        last: End of the last trial.
    """

    states: Mapping[str, int]
    epochs: int
    seconds: float
    confirm_seconds: float
    median_seconds: float | None
    peak_memory_mb: float
    devices: Sequence[str]
    precisions: Sequence[str]
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class AccusedTrial:
    """The trial that the verdict refuses, in pictures of the validation split.

    Attributes:
        forecasts: Previews of the baseline and of the trial, by the name of each.
    """

    number: int
    observed: ObservedPreview
    forecasts: Mapping[str, ForecastPreview]


@dataclass(frozen=True)
class ComparedForecast:
    """A forecast in the table of what needs no training; validation split.

    Attributes:
        kind: Whose it is.
        sharpener: "" for the forecast as it is.
        score: The lower the better.
        gradient_share: Ratio to the observed gradient; None if that is not known.
        peak_share: Of the observed, both above the mean; None likewise.
        rmse_share: Ratio to the baseline's RMSE.
        gradient_correlation: Of predicted and observed gradient vectors; None if not computed.
        fractions_skill: Of each frame's steepest 10 % of gradients; None likewise.
        threat_score: Critical success index above the climatology's 99 % quantile; None likewise.
        potential_skill: Of the potential CRPS, beside that of a constant; None likewise.
        excess: RMSE over the frontier at its gradient, less 1; None if that is not known.
        guards_broken: Names of the guards.
    """

    kind: Kind
    sharpener: str
    score: float
    gradient_share: float | None
    peak_share: float | None
    rmse_share: float | None
    gradient_correlation: float | None
    fractions_skill: float | None
    threat_score: float | None
    potential_skill: float | None
    excess: float | None
    guards_broken: tuple[str, ...]


@dataclass(frozen=True)
class WithoutTraining:
    """What sharpeners make of the baseline, beside the chosen trial.

    Attributes:
        baseline: As it is.
        references: The baseline under each sharpener.
        best: The name of the best reference.
        best_sharpener: The same of those that are no ensembles; "" where all are.
        chosen: The chosen trial as it is judged; None if that is the baseline.
        chosen_without: The same without its sharpener; None where it has none.
        points: Where the references are drawn.
        why_none: Why there are no references; "" where there are.
    """

    baseline: ComparedForecast
    references: Sequence[ComparedForecast]
    best: str
    chosen: ComparedForecast | None
    chosen_without: ComparedForecast | None
    points: Sequence[SharpnessPoint]
    why_none: str = ""
    best_sharpener: str = ""

    @property
    def reference(self) -> ComparedForecast | None:
        """The best of the references; None where there are none."""
        return next((one for one in self.references if one.sharpener == self.best), None)


@dataclass(frozen=True)
class Report:
    """All data of a report on a study.

    Attributes:
        mode: ``score``, ``pareto`` or ``members``.
        running: State of the coordinator, in words; "" for a finished study.
        budget: Number of trials planned.
        chosen: The trial the report is about; None while no trial is complete.
        commands: To continue with the chosen trial.
        confirm_command: To confirm the best trials; "" where it would be refused.
        why_not_confirm: Why it would be.
        validation: Results on the split that the search minimised the score of.
        tested: What the confirmation measured on the test split, which the report itself never
            reads; None where it measured nothing.
        why_not_tested: Why, "" where it did.
        distributions: By searched setting, whether its axis is logarithmic; None for a choice.
        variants: By loss, the best first.
        guards: The most broken first.
        confirmation: With new seeds; None before confirm was run.
        newer_trials: Number of trials that ended after it.
        failures: Reason of each failed trial, by number.
        windows: Number of windows of each split.
        config: The configuration of the study as YAML.
        without_training: What sharpeners make of the baseline; None where nothing is known of it.
        frontier: The least RMSE at each sharpness; None if not known.
        accused: The trial that the verdict refuses; None where it refuses none.
        members: The ensemble that is shown; None where no trial's members are judged together.
        per: The unit of length of gradients.
        grid_notes: How cells are weighted and distances are known, a sentence each.
        variables: The same of each of several predicted variables by itself, the first first; of
            all at once scores are means, guards those of all variables, and figures in units of a
            field are of the first.
        names_of_charts: What the names of its charts begin with, which must differ on a page.
    """

    study: str
    made: datetime
    variable: str
    units: str
    mode: str
    verdict: Verdict
    running: str
    budget: int
    chosen: Chosen | None
    commands: Sequence[str]
    confirm_command: str
    why_not_confirm: str
    validation: SplitResults
    tested: MeasuredSplit | None
    why_not_tested: str
    trials: Sequence[TrialRow]
    importance: Importance
    distributions: Mapping[str, bool | None]
    variants: Sequence[VariantRow]
    guards: Sequence[GuardRow]
    confirmation: Confirmation | None
    newer_trials: int
    cost: Cost
    failures: Mapping[int, str]
    provenance: Provenance
    data_file: str
    windows: Mapping[str, int]
    config: str
    without_training: WithoutTraining | None = None
    frontier: StudyFrontier | None = None
    accused: AccusedTrial | None = None
    members: MembersComparison | None = None
    per: str = "per cell"
    grid_notes: Sequence[str] = ()
    variables: Sequence["Report"] = ()
    names_of_charts: str = ""

    @property
    def shows_test(self) -> bool:
        """Whether it has results of the test split; earlier versions confirmed on that alone."""
        is_earlier = self.confirmation is not None and self.confirmation.part == "test"
        return self.tested is not None or is_earlier

    @property
    def complete(self) -> list[TrialRow]:
        """The complete trials."""
        return [trial for trial in self.trials if trial.is_complete]


def share(value: float, of: float | None) -> float | None:
    """Return the ratio of a value to another, None without a finite result."""
    return value / of if of and math.isfinite(value) and math.isfinite(of) else None


def shares_of_observed(
    metrics: Mapping[str, float], offset: float
) -> tuple[float | None, float | None]:
    """Return gradient and peak as ratios to the observed, None if a script does not report those.

    Args:
        metrics: Of a forecast and of the observations.
        offset: Value that peaks are measured from.
    """
    gradient, peak = metrics.get("gradient_observed"), metrics.get("peak_observed")
    above = None if peak is None else peak - offset
    return share(metrics["gradient"], gradient), share(metrics["peak"] - offset, above)
