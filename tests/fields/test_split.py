from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fieldsharp.core.errors import DataError
from fieldsharp.fields.settings import DataSettings, SplitSettings
from fieldsharp.fields.split import split_frames, window_span

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=80)
SHARES = (
    SplitSettings(),
    SplitSettings(train=0.5, validation=0.25, test=0.25),
    SplitSettings(train=0.34, validation=0.33, test=0.33),
)
any_settings = st.builds(
    DataSettings,
    path=st.just("field.npy"),
    history=st.integers(1, 5),
    horizon=st.integers(1, 5),
    stride=st.integers(1, 3),
    split=st.sampled_from(SHARES),
)


def test_a_window_reaches_from_its_first_to_its_last_frame() -> None:
    # Frames 0 2 4 6 | 8 10 12 of a series: thirteen from end to end.
    assert window_span(DataSettings(path="f.npy", history=4, horizon=3, stride=2)) == 13


def test_a_hundred_frames_are_split_as_by_hand() -> None:
    # Windows of 7 frames: two gaps of 7 leave 86, of which 70 % are 60, 15 % are 13 and 13.
    split = split_frames(100, DataSettings(path="f.npy", history=4, horizon=3))

    assert split.train == range(0, 60)
    assert split.validation == range(67, 80)
    assert split.test == range(87, 100)


@REPEATABLE
@given(data=any_settings, frames=st.integers(1, 400))
def test_parts_are_in_order_a_window_apart_and_use_every_other_frame(
    data: DataSettings, frames: int
) -> None:
    span = window_span(data)
    try:
        split = split_frames(frames, data)
    except DataError:
        assume(False)

    assert split.train.start == 0
    assert split.validation.start - split.train.stop == span
    assert split.test.start - split.validation.stop == span
    assert split.test.stop == frames
    assert min(len(split.train), len(split.validation), len(split.test)) >= span
    usable = frames - 2 * span
    assert abs(len(split.train) - data.split.train * usable) <= 0.5
    assert abs(len(split.validation) - data.split.validation * usable) <= 0.5


def test_too_short_a_series_is_refused_with_its_length_and_the_length_needed() -> None:
    data = DataSettings(path="f.npy", history=4, horizon=3)

    with pytest.raises(DataError, match=r"has 40 frames.*window of 7 frames") as refusal:
        split_frames(40, data)

    needed = re.search(r"about (\d+) are needed", str(refusal.value))
    assert needed is not None
    assert min(len(part) for part in vars(split_frames(int(needed[1]), data)).values()) >= 7


def test_the_shortest_series_has_exactly_one_window_in_its_smallest_part() -> None:
    data = DataSettings(path="f.npy", history=1, horizon=1, split=SHARES[1])

    split = split_frames(12, data)  # two gaps of two leave 8: 4, 2 and 2

    assert (len(split.train), len(split.validation), len(split.test)) == (4, 2, 2)
    with pytest.raises(DataError, match="11 frames"):
        split_frames(11, data)
