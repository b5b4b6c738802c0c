"""What forecasts come to with new seeds on the test split, as the verdict needs it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ConfirmedForecast:
    """A trial, or the baseline under a sharpener, over new seeds.

    Attributes:
        trial: Its number; of a reference the baseline's.
        sharpener: The sharpener of its forecasts, or none.
        is_reference: Whether it is the baseline under a sharpener.
        score: Mean over seeds, in which a seed with a broken guard is no gain.
        faults: What keeps it from being confirmed, a clause each: guards broken with some seed,
            targets missed by more than half a band, no gain over the baseline.
        gains: Whether it breaks no guard with most seeds and has a better score than the baseline.
    """

    trial: int
    sharpener: str
    is_reference: bool
    score: float
    faults: tuple[str, ...] = ()
    gains: bool = True

    @property
    def holds(self) -> bool:
        """Whether it reaches its targets without a broken guard and is better than the baseline."""
        return not self.faults


@dataclass(frozen=True)
class ConfirmedResult:
    """A confirmation as the verdict needs it.

    Attributes:
        ranking: Trials beside the baseline, and references, the best first.
        sentence: Its result in words.
        split: Of which all faults are; "" where each names its own.
    """

    ranking: Sequence[ConfirmedForecast]
    sentence: str = ""
    split: str = ""

    @property
    def best(self) -> ConfirmedForecast | None:
        """The best forecast that holds; None where none does."""
        return next((one for one in self.ranking if one.holds), None)

    @property
    def trial(self) -> ConfirmedForecast | None:
        """The best forecast, where it holds and is a trained trial."""
        best = self.best
        return best if best is not None and not best.is_reference else None

    @property
    def reference(self) -> ConfirmedForecast | None:
        """The best forecast, where it holds and is a reference."""
        best = self.best
        return best if best is not None and best.is_reference else None

    def of_trial(self, number: int) -> ConfirmedForecast | None:
        """Return what a trial came to; None where it was not confirmed."""
        trials = (one for one in self.ranking if not one.is_reference)
        return next((one for one in trials if one.trial == number), None)
