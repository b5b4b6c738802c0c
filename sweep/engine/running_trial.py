"""A trial at work, as its coordinator knows it."""

from dataclasses import dataclass, field

from fieldsharp.objectives.score import Score
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_events import TrialDone
from fieldsharp.sweep.study.trial_spec import TrialSpec


@dataclass
class RunningTrial:
    """A trial at work: what it has sent, and how much of that is judged.

    Attributes:
        spec: What it trains.
        reports: Of its epochs, also of earlier attempts.
        scores: Of the first of these: those for which the baseline is known.
        end: What it sent last; it may wait for the baseline to be scored against.
        pruned: Whether it was told to end as hopeless.
        at_rung: Whether it was trained until a rung and handed back, and nobody is at it.
    """

    spec: TrialSpec
    reports: list[EpochReport] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    end: TrialDone | None = None
    pruned: bool = False
    at_rung: bool = False

    @property
    def is_baseline(self) -> bool:
        """Whether every other trial is compared with it."""
        return self.spec.preset == BASELINE

    @property
    def ends_early(self) -> bool:
        """Whether what it has come to is not what it comes to at its end."""
        return self.pruned or self.at_rung

    @property
    def seconds(self) -> float:
        """Wall time of its epochs."""
        return sum(report.seconds for report in self.reports)

    def last_word(self) -> TrialDone:
        """Return what stands for the last word of its worker, which only a whole trial has."""
        return TrialDone(self.spec.number, self.spec.attempt, self.seconds, 0.0, "", "")
