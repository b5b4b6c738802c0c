"""The leaders of a search trained with further seeds, and whether these tell them apart."""

from collections.abc import Sequence

from optuna.study import Study
from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.leads.lead import SIGNIFICANCE
from fieldsharp.objectives.leads.over_seeds import FEWEST_SEEDS, LeadOverSeeds
from fieldsharp.sweep.study.confirmation.attributes import write_attributes
from fieldsharp.sweep.study.confirmation.comparison import ConfirmedForecasts, named_trial
from fieldsharp.sweep.study.confirmation.seed_scoring import best_first
from fieldsharp.sweep.study.trial_records import study_attribute

REPEATS = "repeats"
"""Attribute of a study."""
LEADERS = 3
FIRST_SEED = 2001
MOST_SEEDS = 5
LOOKS = MOST_SEEDS - FEWEST_SEEDS + 1
"""The leaders are compared after every seed from the second on: each look takes its share of the
chance of a false alarm."""


class LeadOverTrial(Settings):
    """How far the best of the leaders is ahead of another, in the mean over seeds.

    Attributes:
        trial: The other.
        score: Its score minus that of the best.
        chance: How likely chance alone makes that, by score or RMSE, whichever is less likely, for
            all looks together; None where it cannot be told.
    """

    trial: int
    score: float
    chance: float | None

    @property
    def is_apart(self) -> bool:
        """Whether the two are told apart."""
        return self.chance is not None and self.chance < SIGNIFICANCE


class Repeats(Settings):
    """What further seeds tell of the leaders of a search.

    Attributes:
        best: The trial with the lowest mean score; None where none is feasible with most seeds.
        leads: Of the best over the others that were compared to the end.
        apart: Trials that earlier seeds told to be behind.
        broken: Trials that break a guard, or fail, with half of the seeds or more.
        seeds: With which the leaders were trained.
        sentence: The result in words.
    """

    best: int | None
    leads: list[LeadOverTrial] = Field(default_factory=list)
    apart: list[int] = Field(default_factory=list)
    broken: list[int] = Field(default_factory=list)
    seeds: list[int]
    sentence: str = ""

    @property
    def level(self) -> list[int]:
        """Trials that cannot be told apart from the best."""
        return [lead.trial for lead in self.leads if not lead.is_apart]

    @property
    def is_hopeless(self) -> bool:
        """Whether no further seed can tell the leaders apart, since windows are too few."""
        enough = len(self.seeds) >= FEWEST_SEEDS
        return enough and all(lead.chance is None for lead in self.leads)


def leaders_compared(forecasts: ConfirmedForecasts, earlier: Sequence[int] = ()) -> Repeats:
    """Return what the seeds so far tell of the leaders.

    Args:
        forecasts: Of the baseline and the leaders that are still compared.
        earlier: Trials that earlier seeds told to be behind.
    """
    _, *leaders = forecasts.trials
    seeds = [outcome.seed for outcome in forecasts.trials[0].outcomes]
    ranked = best_first(leaders)
    broken = [one.trial for one in leaders if not any(one is other for other in ranked)]
    if not ranked:
        return Repeats(best=None, apart=list(earlier), broken=broken, seeds=seeds)
    best, *others = ranked
    given = forecasts.over_seeds()
    leads = []
    for one in others:
        lead = None
        if given is not None:
            (lead,) = given.leads([named_trial(best.trial)], named_trial(one.trial))
        score = one.held_score.mean - best.held_score.mean
        leads.append(LeadOverTrial(trial=one.trial, score=score, chance=_chance(lead)))
    return Repeats(best=best.trial, leads=leads, apart=list(earlier), broken=broken, seeds=seeds)


def in_words(found: Repeats) -> str:
    """Return what further seeds tell of the leaders."""
    seeds = f"{len(found.seeds)} further seed{'' if len(found.seeds) == 1 else 's'}"
    if found.best is None:
        return f"with {seeds} every leader breaks a guard, or fails, with half of them or more"
    apart = sorted([*found.apart, *(lead.trial for lead in found.leads if lead.is_apart)])
    said = f"with {seeds} trial {found.best} is the best of the leaders"
    if apart:
        said += f"; it is told apart from {_trials(apart)}"
    if found.broken:
        said += f"; {_trials(found.broken)} broke a guard, or failed, with half of them or more"
    for lead in found.leads:
        if not lead.is_apart:
            why = (
                "too few windows or seeds to tell"
                if lead.chance is None
                else (f"chance {lead.chance:.2g}")
            )
            said += (
                f"; it cannot be told apart from trial {lead.trial}, {abs(lead.score):.4g} "
                f"{'behind' if lead.score >= 0 else 'ahead'} in mean score ({why})"
            )
    return said


def read_repeats(study: Study) -> Repeats | None:
    """Return what further seeds told of the leaders; None where none were trained.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    return study_attribute(Repeats, study, REPEATS)


def write_repeats(study: Study, url: str, found: Repeats) -> None:
    """Store what further seeds tell; only while the study's lock is held."""
    write_attributes(study, url, {REPEATS: found})


def _chance(lead: LeadOverSeeds | None) -> float | None:
    if lead is None or lead.score_chance is None or lead.rmse_chance is None:
        return None
    by_rmse = lead.rmse_chance if lead.score >= 0 else 1.0
    return min(1.0, LOOKS * min(lead.score_chance, by_rmse))


def _trials(numbers: Sequence[int]) -> str:
    return ("trial " if len(numbers) == 1 else "trials ") + " and ".join(map(str, numbers))
