"""The lead of a forecast over a reference, how likely chance alone makes it, and its words."""

from pydantic import Field

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.ranking import TIE

AS_IT_IS = "none"
"""Name of the reference that is the baseline without a sharpener."""
FEWEST_BLOCKS = 10
SIGNIFICANCE = 0.05
PROVISIONAL_LEAD = 0.02
"""In score, where the windows are too few to tell a lead from chance."""


class MembersLead(Settings):
    """How far the members of a trial are ahead of every ensemble that needs no training.

    Attributes:
        crps: 1 - fair CRPS / that of the reference it is least ahead of.
        variogram: The same in the fair variogram score.
    """

    crps: float
    variogram: float


class Lead(Settings):
    """How far a trial, under its sharpener, is ahead of the best reference; validation split.

    Attributes:
        trial: Its number.
        reference: Name of the sharpener of the reference, or that for none.
        score: Score of the reference minus that of the trial; above 0 the trial is better.
        rmse: 1 - RMSE of the trial / RMSE of the reference.
        score_chance: How likely chance alone makes so large a lead in score, corrected for all
            forecasts compared; None where it is provisional.
        rmse_chance: The same for the RMSE, among the forecasts whose score is not far behind.
        blocks: Independent blocks of windows in the split; None without statistics of windows.
        compared: Forecasts among which the trial was chosen: trials times sharpeners tried on each.
        seeds: With which each forecast was trained, and over which this is the mean; None of the
            trials of a sweep, which have one each.
        members: Where members are judged: the leads that count, whose chances then stand in
            ``score_chance`` (CRPS) and ``rmse_chance`` (variogram score); the reference is that
            with the lowest CRPS.
    """

    trial: int
    reference: str
    score: float
    rmse: float
    score_chance: float | None = None
    rmse_chance: float | None = None
    blocks: int | None = None
    compared: int
    seeds: int | None = Field(None, exclude_if=lambda seeds: seeds is None)
    members: MembersLead | None = Field(None, exclude_if=lambda members: members is None)

    @property
    def provisional(self) -> bool:
        """Whether there are too few independent windows or seeds to tell the lead from chance."""
        return self.score_chance is None

    @property
    def more_than_chance(self) -> bool:
        """Whether the trial is better than the reference: by score, or level in it and by RMSE.

        Provisionally where its lead in score is at least 0.02. Of members both by CRPS and by
        variogram score, provisionally where both leads are at least 2 %.
        """
        if self.members is not None:
            leads = (self.members.crps, self.members.variogram)
            if self.score_chance is None or self.rmse_chance is None:
                return min(leads) >= PROVISIONAL_LEAD
            return min(leads) > 0 and max(self.score_chance, self.rmse_chance) < SIGNIFICANCE
        if self.score_chance is None or self.rmse_chance is None:
            return self.score >= PROVISIONAL_LEAD
        return self.score_chance < SIGNIFICANCE or (
            self.score >= -TIE and self.rmse_chance < SIGNIFICANCE
        )

    @property
    def is_behind(self) -> bool:
        """Whether it is no lead at all: of members, in CRPS or in variogram score."""
        if self.members is not None:
            return min(self.members.crps, self.members.variogram) <= 0.0
        return self.score < -TIE

    @property
    def words(self) -> str:
        """The lead as a clause, such as "ahead of the baseline under spectral by 0.03 in score"."""
        if self.members is not None:
            return self._members_in_words(self.members)
        under = "" if self.reference == AS_IT_IS else f" under {self.reference}"
        side = "behind" if self.score < 0 else "ahead of"
        in_score = f"{side} the baseline{under} by {abs(self.score):.3f} in score"
        in_rmse = (
            f"{'behind' if self.rmse < 0 else 'ahead'} by {abs(100 * self.rmse):.1f} % in RMSE"
        )
        if abs(self.score) <= TIE:
            in_score = f"level with the baseline{under} in score"
        if self.score_chance is None or self.rmse_chance is None:
            return f"{in_score}, {in_rmse}; {self.why_provisional}"
        if abs(self.score) <= TIE:
            return f"{in_score}, {in_rmse} (chance {self.rmse_chance:.2g}, {self._sample})"
        if self.score_chance < SIGNIFICANCE or self.score < 0:
            return f"{in_score} (chance {self.score_chance:.2g}, {self._sample})"
        return (
            f"{in_score} (chance {self.score_chance:.2g}), {in_rmse} (chance "
            f"{self.rmse_chance:.2g}, {self._sample})"
        )

    @property
    def why_provisional(self) -> str:
        """Why the lead cannot be told from chance, as a clause; "" where it can."""
        if not self.provisional:
            return ""
        if self.blocks is None:
            return "without statistics of its windows, so this is provisional"
        if self.seeds is None:
            return f"{self._too_few}, so this is provisional"
        if self.blocks < FEWEST_BLOCKS:
            return f"{self._too_few}: it can't be told from chance"
        return "a single seed tells nothing of others: it can't be told from chance"

    @property
    def _too_few(self) -> str:
        return f"too few independent windows ({self.blocks} blocks, {FEWEST_BLOCKS} are needed)"

    @property
    def _sample(self) -> str:
        blocks = f"{self.blocks} blocks"
        return blocks if self.seeds is None else f"{blocks}, {self.seeds} seeds"

    def _members_in_words(self, members: MembersLead) -> str:
        chances = (self.score_chance, self.rmse_chance)
        parts = [
            f"{'behind the best' if lead < 0 else 'ahead of every'} ensemble without training by "
            f"{abs(100 * lead):.1f} % in {name}"
            + (f" (chance {chance:.2g})" if chance is not None else "")
            for name, lead, chance in zip(
                ("CRPS", "variogram score"), (members.crps, members.variogram), chances, strict=True
            )
        ]
        said = " and ".join(parts)
        return f"{said}; {self.why_provisional}" if self.provisional else said
