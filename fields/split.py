"""Chronological split of a series, with a gap of one window between its parts.

Without the gap the last training windows would share frames with the first validation windows, and
neighbouring frames of a weather field are nearly the same.
"""

from dataclasses import dataclass

from fieldsharp.core.errors import DataError
from fieldsharp.fields.settings import DataSettings


@dataclass(frozen=True)
class Split:
    """Half-open ranges of frames, in order: train, validation, test."""

    train: range
    validation: range
    test: range


def window_span(settings: DataSettings) -> int:
    """Return how many frames of the series one window reaches across."""
    return (settings.history + settings.horizon - 1) * settings.stride + 1


def split_frames(frames: int, settings: DataSettings) -> Split:
    """Split ``frames`` in time.

    Raises:
        DataError: If any part would be shorter than one window.
    """
    span = window_span(settings)
    usable = frames - 2 * span
    shares = settings.split
    train = round(usable * shares.train)
    validation = round(usable * shares.validation)
    test = usable - train - validation
    if min(train, validation, test) < span:
        smallest = min(shares.train, shares.validation, shares.test)
        needed = 2 * span + int(span / smallest) + 1
        raise DataError(
            f"the series has {frames} frames, too few for one window of {span} frames in each of "
            f"training, validation and test with a gap of one window between them (about {needed} "
            "are needed); lower data.history, data.horizon or data.stride, or give a longer series"
        )
    start_validation = train + span
    start_test = start_validation + validation + span
    return Split(
        train=range(train),
        validation=range(start_validation, start_validation + validation),
        test=range(start_test, start_test + test),
    )
