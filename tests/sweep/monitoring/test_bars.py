"""Bars that say no more than is true, however narrow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsharp.objectives.targets import Band
from fieldsharp.sweep.monitoring.bars import (
    ASCII,
    LINES,
    BandBar,
    Signs,
    clock_time,
    number_format,
    share_bar,
)

BAND = Band(3.0, 3.3)


@pytest.mark.parametrize("signs", [LINES, ASCII])
@pytest.mark.parametrize(("share", "filled"), [(-1.0, 0), (0.0, 0), (0.5, 4), (1.0, 8), (7.0, 8)])
def test_a_share_fills_its_share(signs: Signs, share: float, filled: int) -> None:
    assert share_bar(share, 8, signs).plain == signs.full * filled + signs.empty * (8 - filled)


def test_half_a_cell_is_half_filled() -> None:
    assert share_bar(1 / 16, 8, LINES).plain == "╸───────"


def test_a_bar_goes_from_the_baseline_past_the_ceiling() -> None:
    # 12 % of the way from 2.1 to 3.3 lies past the ceiling: a cell of 13 is 0.103 wide.
    bar = BandBar(BAND, baseline=2.1)
    assert bar.draw(2.1, 13, LINES).plain == "────────├──┤─"
    assert bar.draw(2.9, 13, LINES).plain == "━━━━━━━╸├──┤─"
    assert bar.draw(3.0, 13, LINES).plain == "━━━━━━━━┣──┤─"
    assert bar.draw(3.31, 13, LINES).plain == "━━━━━━━━┣━━┫─"
    assert bar.draw(9.0, 13, LINES).plain == "━━━━━━━━┣━━┫»"
    assert bar.draw(9.0, 13, ASCII).plain == "========[==]>"
    assert bar.draw(None, 13, LINES).plain == "────────├──┤─"
    assert bar.draw(1.0, 13, LINES).plain == "────────├──┤─"
    assert bar.draw(float("nan"), 13, LINES).plain == "────────├──┤─"


@given(
    value=st.floats(-10, 10),
    low=st.floats(0.1, 5),
    wide=st.floats(0, 1),
    baseline=st.none() | st.floats(-10, 10),
    width=st.integers(4, 60),
)
def test_a_mark_is_filled_where_and_only_where_it_is_reached(
    value: float, low: float, wide: float, baseline: float | None, width: int
) -> None:
    band = Band(low, low + wide)
    plain = BandBar(band, baseline).draw(value, width, LINES).plain
    assert len(plain) == width
    assert ("┣" in plain) == (value >= band.low)
    # The ceiling's mark may be the last cell, which a value past the end has for itself.
    assert ("┫" in plain or plain.endswith("»")) == (value > band.high)


@pytest.mark.parametrize(
    ("high", "value", "text"),
    [
        (3.3, 2.8, "2.800"),
        (150.0, 98.765, " 98.8"),
        (0.0123, 0.0101, "0.01010"),
        (3.3e-4, 2.8e-4, "2.80e-4"),
        (1.5e6, 1.25e6, "1.25e6"),
        (3.3, 1234567.0, "1.2e+06"),
        (3.3, None, "    -"),
        (3.3, float("nan"), "  nan"),
    ],
)
def test_numbers_of_a_size_are_of_a_width(high: float, value: float | None, text: str) -> None:
    assert number_format(high)(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.4, "0:00"), (200, "3:20"), (3800, "1:03:20")]
)
def test_a_time_is_read_as_on_a_clock(seconds: float | None, text: str) -> None:
    assert clock_time(seconds) == text
