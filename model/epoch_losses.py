"""Mean losses of a training epoch: a record that is read and written without torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochLosses:
    """Mean training losses of one epoch, in units of the scaled field.

    Attributes:
        epoch: From 0.
        total: Base loss plus weighted terms.
        base: Base loss alone.
        term: Gradient term before its weight (0 where it is not computed).
        peak: Peak term before its weight (0 where it is not computed).
    """

    epoch: int
    total: float
    base: float
    term: float
    peak: float
