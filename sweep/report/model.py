"""What a report says: plain facts of a study, before a word or a picture is made of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdict import Verdict
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.provenance import Provenance
from fieldsharp.sweep.study.trial_spec import Part

Kind = str
"""``baseline``, or ``forecast`` for the trial the report is about."""


@dataclass(frozen=True)
class TrialRow:
    """A trial as charts and tables see it; physical units, validation split.

    Attributes:
        number: The trial.
        state: Of Optuna's names, or PAUSED.
        feasible: Whether it breaks no guard; of a pruned trial, after its last epoch.
        score: The lower the better; None where it has none.
        sharpness: The part of the score that is no error; None likewise.
        gradient_share: Of the observed gradient; None likewise.
        rmse_share: Of the baseline's RMSE; None likewise.
        preset: Name of its preset.
        is_baseline: Whether it is the baseline.
        variant: Of its loss.
        params: What was searched, as it is recorded.
        guards_broken: Names.
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

    @property
    def is_complete(self) -> bool:
        """Whether it ran all its epochs and can be compared."""
        return self.state == "COMPLETE" and self.score is not None

    @property
    def was_judged(self) -> bool:
        """Whether it came to something, be it on its way."""
        return self.score is not None


@dataclass(frozen=True)
class Row:
    """A forecast in the table of figures; physical units.

    Attributes:
        judgement: Every metric.
        score: The lower the better.
        guards: What came of each guard.
    """

    judgement: MetricValues
    score: float
    guards: Sequence[GuardOutcome]


@dataclass(frozen=True)
class SplitView:
    """How the baseline and the trial did on one part of the series.

    Attributes:
        part: Which.
        targets: What gradient and peak should reach there.
        rows: Figures, of those that are known.
        observed: What pictures show; None where nothing is kept.
        forecasts: What pictures show of them.
    """

    part: Part
    targets: Targets
    rows: Mapping[Kind, Row]
    observed: ObservedPreview | None = None
    forecasts: Mapping[Kind, ForecastPreview] = field(default_factory=dict)

    @property
    def seen(self) -> Mapping[str, float]:
        """What was observed there, by the metrics' names; empty where nothing is known."""
        for row in self.rows.values():
            return row.judgement.overall
        return {}

    def by_lead(self, name: str) -> dict[str, Sequence[float]]:
        """Return a metric at each lead, by ``observed``, ``baseline`` and ``forecast``."""
        lines: dict[str, Sequence[float]] = {}
        for row in self.rows.values():
            lines["observed"] = row.judgement.by_lead.get(f"{name}_observed", [])
        for kind, row in self.rows.items():
            lines[kind] = row.judgement.by_lead.get(name, [])
        return {kind: values for kind, values in lines.items() if len(values)}


@dataclass(frozen=True)
class Chosen:
    """The trial the report is about.

    Attributes:
        number: The trial.
        why: Why this one, in words.
        words: Its export's standing, in words.
        is_baseline: Whether it is the baseline itself.
        params: What was searched, with the values that were trained.
        preset: Name of its preset.
        export: Its configuration as YAML.
        warnings: What a person should know of it that no guard forbids.
    """

    number: int
    why: str
    words: str
    is_baseline: bool
    params: Mapping[str, Scalar]
    preset: str | None
    export: str
    warnings: Sequence[str]


@dataclass(frozen=True)
class VariantRow:
    """What came of one loss variant; complete trials, validation split.

    Attributes:
        name: Of the variant.
        optimum: What forecasts it is lowest for.
        sharpens: Whether it can cure blur from uncertainty at all; None where that is not known.
        trials: How many.
        feasible: How many of them break no guard.
        best: Lowest score among those; None where there is none.
        median: Of the scores of all.
        gradient_share: Of the observed, of the best one.
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
    """What came of one guard; validation split.

    Attributes:
        name: Of the guard.
        words: What a forecast that breaks it does wrong.
        at_most: Whether the limit is the largest value allowed, or the least.
        broken_by: How many complete trials break it.
        outcomes: Of the baseline and the trial.
    """

    name: str
    words: str
    at_most: bool
    broken_by: int
    outcomes: Mapping[Kind, GuardOutcome]


@dataclass(frozen=True)
class Common:
    """A choice that most of the best trials made.

    Attributes:
        value: The choice.
        in_best: How many of the best made it.
        in_all: How many of all made it.
    """

    value: Scalar
    in_best: int
    in_all: int


@dataclass(frozen=True)
class Importance:
    """How much each setting tells the best trials from the rest.

    Attributes:
        shares: By setting, adding up to 1, the largest first; empty where it cannot be told.
        trials: How many were looked at.
        best: How many of them are the best ones.
        why_not: Why it cannot be told, "" where it can.
        constants: Settings that had but one value.
        common: By setting, the choice that most of the best trials made.
    """

    shares: Mapping[str, float]
    trials: int
    best: int
    why_not: str = ""
    constants: Sequence[str] = ()
    common: Mapping[str, Common] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """What the study took.

    Attributes:
        states: Number of trials in each state.
        epochs: Trained in all.
        seconds: Of the workers, on trials.
        confirm_seconds: Of the workers, on confirming.
        median_seconds: Of a complete trial; None before there is one.
        peak_memory_mb: Most any worker held.
        devices: Where trials ran.
        precisions: Of their matrix products.
        first: When the first trial began.
        last: When the last one ended.
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
class Report:
    """All that a report says.

    Attributes:
        study: Name of the study.
        made: When the report was made.
        variable: The field.
        units: Its units.
        mode: ``score`` or ``pareto``.
        verdict: What the study comes to.
        running: What the study is doing, in words; "" for one that is finished.
        budget: Trials in all.
        chosen: The trial it is about; None while no trial is complete.
        commands: What to type to go on from here.
        confirm_command: What to type to have the best trials confirmed.
        validation: Figures and pictures of the split the search was scored on.
        test: The same of the split kept for the final word; None where it could not be had.
        why_no_test: Why not.
        points: All trials.
        importance: Of the settings.
        distributions: By searched setting, whether its axis is logarithmic; None for a choice.
        variants: By loss, the best first.
        guards: What came of them.
        confirmation: What new seeds said; None before confirm was run.
        newer_trials: How many trials ended after it.
        cost: What it took.
        failures: Reason of each failed trial.
        provenance: Where it comes from.
        data_file: Name of the data file.
        windows: Number of windows of each part.
        config: The configuration of the study as YAML.
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
    validation: SplitView
    test: SplitView | None
    why_no_test: str
    points: Sequence[TrialRow]
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

    @property
    def pictured(self) -> SplitView:
        """The split that pictures are of: the test split where it could be had."""
        return self.test if self.test is not None else self.validation

    @property
    def complete(self) -> list[TrialRow]:
        """The trials that can be compared."""
        return [point for point in self.points if point.is_complete]


def share(value: float, of: float | None) -> float | None:
    """Return a value as a share of another, None where that says nothing."""
    return value / of if of and math.isfinite(value) and math.isfinite(of) else None


def shares_of_observed(
    metrics: Mapping[str, float], offset: float
) -> tuple[float | None, float | None]:
    """Return gradient and peak as shares of the observed, None where a script told of none.

    Args:
        metrics: Of a forecast, beside those of the truth.
        offset: What peaks are measured from.
    """
    gradient, peak = metrics.get("gradient_observed"), metrics.get("peak_observed")
    above = None if peak is None else peak - offset
    return share(metrics["gradient"], gradient), share(metrics["peak"] - offset, above)
