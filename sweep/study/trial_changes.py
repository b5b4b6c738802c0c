"""Which trials of a study changed between two looks at all of them.

A trial that changed is another object, since a storage never changes a trial that it has returned:
what is kept of a study follows its trials, however they were changed, without reading all of them
again.
"""

from collections.abc import Sequence
from itertools import compress
from operator import is_not

from optuna.trial import FrozenTrial


def changed_places(before: Sequence[FrozenTrial], now: Sequence[FrozenTrial]) -> list[int]:
    """Return the places in the later list of the trials that are new or not the same there."""
    changed = list(compress(range(len(now)), map(is_not, before, now)))
    return [*changed, *range(len(before), len(now))]
