"""Signs that a net was trained too briefly."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.targets import Targets

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
        variable: Whose signs they are; "" of a single variable.
        others: Those of every other predicted variable.
    """

    rmse: float
    rmse_climatology: float = math.nan
    simple: Sequence[SimpleForecast] = ()
    power_large_db: float = math.nan
    improving: bool = False
    length_was_searched: bool = False
    variable: str = ""
    others: Sequence["TrainingSigns"] = ()

    def each(self) -> Iterator["TrainingSigns"]:
        """Yield the signs of each variable alone, the first first."""
        yield replace(self, others=()) if self.others else self
        yield from self.others

    @property
    def faults(self) -> list[str]:
        """What shows that the net was trained too briefly, a clause each; none where nothing."""
        return [named(one.variable, fault) for one in self.each() for fault in one._own_faults]

    @property
    def _own_faults(self) -> list[str]:
        said = []
        if self.rmse > self.rmse_climatology:
            said.append(
                f"its RMSE, {self.rmse:.4g}, is above that of each cell's mean, "
                f"{self.rmse_climatology:.4g}"
            )
        said += self._own_behind
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
        return [named(one.variable, said) for one in self.each() for said in one._own_behind]

    @property
    def _own_behind(self) -> list[str]:
        return [
            f"its RMSE, {self.rmse:.4g}, is above the {one.rmse:.4g} of {one.name}"
            for one in self._own_better
        ]

    @property
    def ended_by_itself(self) -> bool:
        """Whether the training went on for as long as its RMSE fell."""
        return self.length_was_searched and not any(one.improving for one in self.each())

    @property
    def unpredictable(self) -> "TrainingSigns | None":
        """The first variable of which no forecast is better than each cell's mean.

        Nothing can be foretold of it. None where there is no such variable.
        """
        return next((one for one in self.each() if one._nothing_is_foretold), None)

    @property
    def _nothing_is_foretold(self) -> bool:
        best = min((one.rmse for one in self.simple), default=math.nan)
        limit = self.rmse_climatology * (2.0 - CLEARLY_BEHIND)
        return min(best, self.rmse) > limit and not self.improving

    @property
    def better(self) -> list[SimpleForecast]:
        """The forecasts without a net that the baseline is behind."""
        return [found for one in self.each() for found in one._own_better]

    @property
    def _own_better(self) -> list[SimpleForecast]:
        return [one for one in self.simple if self.rmse > CLEARLY_BEHIND * one.rmse]

    def is_settled(self, targets: Targets) -> bool:
        """Return whether neither a longer training nor a forecast without a net is the answer.

        The training went on for as long as it pays, and a better forecast, if any, is blurred too.
        """
        return self.ended_by_itself and self.without_blur(targets) is None

    def without_blur(self, targets: Targets) -> SimpleForecast | None:
        """Return a forecast that is better than the baseline and as steep as is asked for."""
        for one in self.each():
            low = targets.by_variable.get(one.variable, targets).gradient.low
            for found in one._own_better:
                if found.gradient >= low:
                    of = f" of {one.variable}" if one.variable else ""
                    return replace(found, name=f"{found.name}{of}")
        return None
