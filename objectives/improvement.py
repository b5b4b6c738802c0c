"""Whether the validation RMSE of a training still improves, and the epoch where it is kept.

The RMSE is that over all leads, as it is evaluated after each epoch, in any unit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

LEAST_GAIN = 0.002
"""Relative. A smaller fall of the RMSE is no improvement (decision record 30)."""
LATE_SHARE = 0.25
STILL_IMPROVING = 0.02
"""Relative fall of the RMSE in the last quarter of a training that is worth more epochs."""


@dataclass(frozen=True)
class StoppingRule:
    """Ends a training when its RMSE has not improved for some epochs.

    The RMSE improves where it falls by more than ``LEAST_GAIN`` below that of the kept epoch. Small
    falls add up: they are compared with the kept epoch, not with the one before. A net that is no
    better than the last known frame is not trained yet: it is not ended before the most epochs. One
    that starts from that frame may be worse than it for a while (decision record 30).

    Attributes:
        least: Epochs after which the training may end; an earlier one can be kept.
        most: Epochs after which the training ends whatever the RMSE does.
        patience: Epochs without improvement after which it ends.
        persistence: RMSE of the last known frame; infinite where it is not known.
    """

    least: int
    most: int
    patience: int
    persistence: float = math.inf

    def beside(self, persistence: float) -> "StoppingRule":
        """Return the rule with the RMSE of the last known frame."""
        return replace(self, persistence=persistence)

    def kept(self, rmses: Sequence[float]) -> int:
        """Return the number of epochs after which a training is kept.

        Args:
            rmses: After each epoch so far; at least one.
        """
        kept = 1
        for epochs in range(2, len(rmses) + 1):
            if improves(rmses[epochs - 1], rmses[kept - 1]):
                kept = epochs
        return kept

    def is_over(self, rmses: Sequence[float]) -> bool:
        """Return whether a training ends after these epochs."""
        done = len(rmses)
        if done < self.least:
            return False
        return done >= self.most or self._improves_no_more(rmses)

    def reached_most(self, rmses: Sequence[float]) -> bool:
        """Return whether a training that is over ended at ``most`` alone, still improving."""
        has_room = len(rmses) < self.most or self._improves_no_more(rmses)
        return not has_room and still_improving(rmses)

    def _improves_no_more(self, rmses: Sequence[float]) -> bool:
        kept = self.kept(rmses)
        has_skill = improves(rmses[kept - 1], self.persistence)
        return has_skill and len(rmses) - kept >= self.patience


def improves(rmse: float, kept: float) -> bool:
    """Return whether an RMSE is lower than that of the kept epoch by more than ``LEAST_GAIN``."""
    return rmse < kept * (1.0 - LEAST_GAIN)


def still_improving(rmses: Sequence[float]) -> bool:
    """Return whether a training ended while its RMSE was still falling.

    It was where the lowest RMSE of the last quarter of its epochs is more than
    ``STILL_IMPROVING`` below the lowest before. Of fewer than four epochs the last counts as that
    quarter; one epoch alone tells nothing.

    Args:
        rmses: Of the validation part after each epoch, the first epoch first.
    """
    late = max(1, math.floor(LATE_SHARE * len(rmses)))
    before, last = rmses[:-late], rmses[-late:]
    return bool(before) and min(last) < min(before) * (1.0 - STILL_IMPROVING)
