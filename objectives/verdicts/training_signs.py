"""Signs that a net was trained too briefly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LACKING_DB = -1.0
"""Power at large scales below that of a linear forecast which means too little training."""
CLEARLY_BEHIND = 1.01
"""RMSE over that of a simple forecast from which on a net is behind it."""


@dataclass(frozen=True)
class SimpleForecast:
    """A forecast that needs no net, on the split that trials are judged on; physical units.

    Attributes:
        name: As it is said: "the last known frame", "a fitted linear forecast".
        gradient: Predicted mean gradient.
        power_large_db: Power over the truth's at the largest scales and the first lead, in dB; NaN
            if not known.
    """

    name: str
    rmse: float
    gradient: float
    power_large_db: float = math.nan


@dataclass(frozen=True)
class TrainingSigns:
    """The baseline beside forecasts that need no net, and the course of its training.

    Attributes:
        rmse: Of the baseline, in units of the field, as the others.
        rmse_climatology: Of each cell's mean over the training frames; NaN if not known.
        simple: Forecasts that need no net.
        power_large_db: Power of the baseline over the truth's at the largest scales and the first
            lead; NaN if not known.
        improving: Whether its RMSE was still falling when the training ended.
        length_was_searched: Whether the training ended by itself, where its RMSE fell no more.
    """

    rmse: float
    rmse_climatology: float = math.nan
    simple: Sequence[SimpleForecast] = ()
    power_large_db: float = math.nan
    improving: bool = False
    length_was_searched: bool = False

    @property
    def faults(self) -> list[str]:
        """What shows that the net was trained too briefly, a clause each; none where nothing."""
        said = []
        if self.rmse > self.rmse_climatology:
            said.append(
                f"its RMSE, {self.rmse:.4g}, is above that of each cell's mean, "
                f"{self.rmse_climatology:.4g}"
            )
        said += self.behind
        if self.improving:
            said.append("its RMSE was still falling when the training ended")
        linear = max((one.power_large_db for one in self.simple), default=math.nan)
        if self.power_large_db < linear + LACKING_DB and self.power_large_db < LACKING_DB:
            said.append(
                f"at large scales it has {self.power_large_db:.1f} dB of the truth's power, where "
                f"a forecast without a net has {linear:.1f} dB"
            )
        return said

    @property
    def behind(self) -> list[str]:
        """The forecasts without a net that the baseline is behind, a clause each."""
        return [
            f"its RMSE, {self.rmse:.4g}, is above the {one.rmse:.4g} of {one.name}"
            for one in self.better
        ]

    @property
    def ended_by_itself(self) -> bool:
        """Whether the training went on for as long as its RMSE fell."""
        return self.length_was_searched and not self.improving

    @property
    def is_unpredictable(self) -> bool:
        """Whether no forecast is better than each cell's mean: nothing can be foretold here."""
        best = min((one.rmse for one in self.simple), default=math.nan)
        limit = self.rmse_climatology * (2.0 - CLEARLY_BEHIND)
        return min(best, self.rmse) > limit and not self.improving

    @property
    def better(self) -> list[SimpleForecast]:
        """The forecasts without a net that the baseline is behind."""
        return [one for one in self.simple if self.rmse > CLEARLY_BEHIND * one.rmse]

    def is_settled(self, gradient_low: float) -> bool:
        """Return whether neither a longer training nor a forecast without a net is the answer.

        The training went on for as long as it pays, and a better forecast, if any, is blurred too.
        """
        return self.ended_by_itself and self.without_blur(gradient_low) is None

    def without_blur(self, gradient_low: float) -> SimpleForecast | None:
        """Return a forecast that is better than the baseline and as steep as is asked for."""
        return next((one for one in self.better if one.gradient >= gradient_low), None)
