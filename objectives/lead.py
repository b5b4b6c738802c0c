"""The lead of a trial over the best forecast that needs no training, and whether it is chance."""

from fieldsharp.fields.settings import Settings
from fieldsharp.objectives.ranking import TIE

LEAST_BLOCKS = 10
PROVISIONAL_LEAD = 0.02
"""Of the score; needed where there are too few blocks to tell chance."""
LEVEL = 0.05


class Lead(Settings):
    """The lead of a trial over the best feasible reference.

    Attributes:
        trial: Its number.
        reference: The sharpener of the reference.
        score: The reference's score minus the trial's: above 0 the trial is better.
        rmse: 1 - RMSE of the trial / RMSE of the reference.
        score_chance: Probability of such a lead in score by chance; None if not known.
        rmse_chance: The same of the RMSE.
        blocks: Independent blocks of windows; None if not known.
        compared: How many forecasts were compared.
    """

    trial: int
    reference: str
    score: float
    rmse: float
    score_chance: float | None = None
    rmse_chance: float | None = None
    blocks: int | None = None
    compared: int = 1

    @property
    def provisional(self) -> bool:
        """Whether there are too few independent windows to tell chance."""
        return self.blocks is None or self.blocks < LEAST_BLOCKS or self.score_chance is None

    @property
    def more_than_chance(self) -> bool:
        """Whether the trial is ahead by more than chance."""
        if self.provisional:
            return self.score >= PROVISIONAL_LEAD
        assert self.score_chance is not None
        if self.score > 0 and self.score_chance < LEVEL:
            return True
        return abs(self.score) <= TIE and self.rmse_chance is not None and self.rmse_chance < LEVEL

    @property
    def words(self) -> str:
        """The lead as a clause."""
        side = "ahead of" if self.score > 0 else "behind"
        return f"{side} the baseline under {self.reference} by {abs(self.score):.2g} in score"
