"""Time steps: what follows a series, and which steps are the same."""

import numpy as np

from fieldsharp.fields.series import FieldSeries, time_text
from fieldsharp.fields.time_steps import same_step, times_after


def test_months_follow_the_calendar() -> None:
    values = np.zeros((5, 1, 3, 3), dtype=np.float32)
    time = np.arange("2000-01", "2000-06", dtype="datetime64[M]").astype("datetime64[ns]")
    series = FieldSeries(
        values, np.ones((3, 3), dtype=np.bool_), time, "K", "v", np.zeros(5, np.float32)
    )
    found = times_after(series, 4, 1, 3)
    assert [time_text(t) for t in found] == [
        "2000-06-01T00:00",
        "2000-07-01T00:00",
        "2000-08-01T00:00",
    ]


def test_a_step_is_the_same_to_one_per_cent_or_both_are_months() -> None:
    day = 86_400.0
    assert same_step(3600.0, 3601.0)
    assert same_step(28 * day, 31 * day)
    assert not same_step(2 * 3600.0, 3 * 3600.0)
