"""Confirmation of the best trials as it is stored: compared with new seeds, the winner tested."""

from collections.abc import Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial
from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.leads.intervals import SharpnessIntervals
from fieldsharp.objectives.leads.lead import Lead
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdicts.verdict import CONFIRM_FIRST, SUCCESS, Verdict
from fieldsharp.sweep.study.confirmation.attributes import write_attributes
from fieldsharp.sweep.study.confirmation.over_seeds import (
    ConfirmedReference,
    ConfirmedTrial,
    OverSeeds,
    Spread,
)
from fieldsharp.sweep.study.data_summary import BandSummary
from fieldsharp.sweep.study.trial_records import VERDICT, study_attribute
from fieldsharp.sweep.study.trial_spec import Part

CONFIRMATION = "confirmation"
FIXED_WINNER = "confirmation:winner"


class BandsOfSplit(Settings):
    """The target bands of one split, by which forecasts on it are scored.

    Attributes:
        variables: The bands of each predicted variable; none where there is one.
    """

    gradient: BandSummary
    peak: BandSummary
    variables: dict[str, "BandsOfSplit"] = Field(
        default_factory=dict, exclude_if=lambda variables: not variables
    )

    @classmethod
    def of(cls, targets: Targets) -> "BandsOfSplit":
        """Return the bands of targets, as they are stored."""
        return cls(
            gradient=BandSummary.of(targets.gradient),
            peak=BandSummary.of(targets.peak),
            variables={name: cls.of(one) for name, one in targets.by_variable.items() if name},
        )

    def sharpness(self, one: OverSeeds) -> list[tuple[str, Spread, BandSummary]]:
        """Return the gradient and peak of a forecast beside their bands, of each variable.

        With the names of what they are, such as ``gradient`` or ``gradient of u10``; none where
        every training failed.
        """
        found: list[tuple[str, Spread | None, BandSummary]] = [
            (f"{name} of {variable}", getattr(one.variables[variable], name), getattr(bands, name))
            for variable, bands in self.variables.items()
            if variable in one.variables
            for name in ("gradient", "peak")
        ]
        if not self.variables:
            found = [("gradient", one.gradient, self.gradient), ("peak", one.peak, self.peak)]
        return [(name, spread, band) for name, spread, band in found if spread is not None]


class FixedWinner(Settings):
    """What the comparison on the validation split came to, fixed before the test split is read.

    Attributes:
        trial: The winner, which may be the baseline.
        reference: Name of the best sharpener of the baseline; None where none is feasible.
        compared: Numbers of all trials that were compared, the baseline among them.
        seeds: With which they were.
        readings: How many winners the test split has been read for, this one included.
    """

    trial: int
    reference: str | None
    compared: list[int]
    seeds: list[int]
    readings: int = 1


class TestedForecast(OverSeeds):
    """A forecast over new seeds on the test split, with its intervals.

    Attributes:
        intervals: Gradient, peak and RMSE as shares, of each predicted variable; None where an
            ensemble is judged, every training failed, or the windows are not known.
    """

    __test__ = False

    intervals: list[SharpnessIntervals] | None = None


class Tested(BandsOfSplit):
    """The winner on the test split, beside the baseline and the best reference.

    Attributes:
        baseline: As it is, without a sharpener.
        winner: None where the baseline is the winner.
        reference: The baseline under the sharpener that was best on the validation split; None
            where none was feasible there.
        sharpener: Its name, "" without one.
        leads: Of the winner over the baseline, and over the reference; none without a winner.
        blocks: Independent blocks of windows in the split; None where they are not known.
        readings: How many winners the test split has been read for.
    """

    __test__ = False

    baseline: TestedForecast
    winner: TestedForecast | None
    reference: TestedForecast | None
    sharpener: str = ""
    leads: list[Lead] = Field(default_factory=list)
    blocks: int | None = None
    readings: int = 1


class Confirmation(BandsOfSplit):
    """The confirmation of the best trials of a study.

    Trials are compared with new seeds on the validation split; then the winner is tested. Earlier
    versions compared all of them on the test split.

    Attributes:
        winner: The trial with the lowest mean held score among those feasible with more than half
            of their seeds, which may be the baseline, and is where the lead over it may be chance;
            None where there is none.
        sentence: The result in words.
        finished_trials: Number of finished trials of the study at that time.
        gradient, peak, variables: Bands on the split that trials were compared on.
        trials: The baseline as it is, then the others in the order of the search.
        references: The baseline under each sharpener; none where an earlier version trained it.
        part: The split that trials were compared on.
        best: The trial with the lowest mean held score, whether its lead is chance or not; None in
            those of earlier versions, and where no trial is feasible with most seeds.
        over_baseline: The lead of each other trial over the baseline; of members over every
            ensemble without training.
        over_reference: The same over the best reference; none without one, and of members.
        tested: The winner on the test split; None in those of earlier versions.
    """

    winner: int | None
    sentence: str
    baseline: int
    seeds: list[int]
    finished_trials: int
    trials: list[ConfirmedTrial]
    references: list[ConfirmedReference] = Field(default_factory=list)
    part: Part = Field("test", exclude_if=lambda part: part == "test")
    best: int | None = Field(None, exclude_if=lambda best: best is None)
    over_baseline: list[Lead] = Field(default_factory=list, exclude_if=lambda leads: not leads)
    over_reference: list[Lead] = Field(default_factory=list, exclude_if=lambda leads: not leads)
    tested: Tested | None = Field(None, exclude_if=lambda tested: tested is None)

    def for_trial(self, number: int) -> ConfirmedTrial | None:
        """Return the confirmation of a trial, None where it was not confirmed."""
        return next((trial for trial in self.trials if trial.trial == number), None)

    def lead(self, number: int) -> Lead | None:
        """Return the lead of a trial over the baseline, None where it is not known."""
        return next((lead for lead in self.over_baseline if lead.trial == number), None)

    def lead_over_reference(self, number: int) -> Lead | None:
        """Return the lead of a trial over the best reference, None where it is not known."""
        leads = self.over_reference or [one for one in self.over_baseline if one.members]
        return next((lead for lead in leads if lead.trial == number), None)

    @property
    def refused(self) -> int | None:
        """The best trial where its lead over the baseline may be chance, so that it is no winner.

        None where the best trial is the winner.
        """
        return self.best if self.best is not None and self.best != self.winner else None

    def newer_trials(self, trials: Sequence[FrozenTrial]) -> int:
        """Return how many trials of the study finished after the confirmation."""
        return sum(trial.state.is_finished() for trial in trials) - self.finished_trials


def next_step(verdict: Verdict, confirmation: Confirmation | None) -> str:
    """Return the advice of a verdict, without "confirm first" where that is done already."""
    about = verdict.trial
    if about is None or confirmation is None or confirmation.for_trial(about) is None:
        return verdict.next
    return verdict.next.removeprefix(CONFIRM_FIRST)


def shortfall(verdict: Verdict, confirmation: Confirmation | None) -> str | None:
    """Return which targets a success missed in its confirmation, None where it missed none."""
    about = verdict.trial
    if verdict.name != SUCCESS or about is None or confirmation is None:
        return None
    bands: BandsOfSplit = confirmation
    confirmed: OverSeeds | None = confirmation.for_trial(about)
    if confirmation.tested is not None:
        bands = confirmation.tested
        confirmed = confirmation.tested.winner if about == confirmation.winner else None
    if confirmed is None:
        return None
    missed = [
        f"{name} {spread.mean:.4g} of {band.low:.4g}"
        for name, spread, band in bands.sharpness(confirmed)
        if spread.mean < band.low
    ]
    if not missed:
        return None
    return f"trial {about} falls short of its targets on new seeds and the test split: " + (
        " and ".join(missed)
    )


def read_confirmation(study: Study) -> Confirmation | None:
    """Return the confirmation of a study, None where none was completed.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    return study_attribute(Confirmation, study, CONFIRMATION)


def write_confirmation(
    study: Study, url: str, confirmation: Confirmation, verdict: Verdict | None = None
) -> None:
    """Store the confirmation of a study, and the verdict that it leads to, None to leave that.

    Only while the study's lock is held.
    """
    write_attributes(
        study, url, {CONFIRMATION: confirmation, **({VERDICT: verdict} if verdict else {})}
    )


def read_winner(study: Study) -> FixedWinner | None:
    """Return the winner that was fixed before the test split was read; None before that.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    return study_attribute(FixedWinner, study, FIXED_WINNER)


def write_winner(study: Study, url: str, winner: FixedWinner) -> None:
    """Fix the winner; only while the study's lock is held."""
    write_attributes(study, url, {FIXED_WINNER: winner})
