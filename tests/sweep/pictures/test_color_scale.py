"""Maps of one kind share one scale, which a spike does not stretch."""

import numpy as np
import pytest

from fieldsharp.sweep.pictures.color_scale import difference_scale, masked, value_scale
from tests.sweep.pictures.sources import field


def test_the_scale_holds_all_that_was_observed_and_is_the_same_for_forecasts() -> None:
    seen, forecast = field((20, 20), 0), 0.5 * field((20, 20), 1)
    scale = value_scale(seen, [forecast])

    assert scale.high == seen.max()
    assert scale.low == pytest.approx(np.percentile(forecast, 0.5))
    assert scale.beyond == (True, False)
    assert scale.extend == "min"


def test_a_spike_in_a_forecast_does_not_press_the_field_into_one_colour() -> None:
    seen = field((40, 40), 0)
    spiked = seen.copy()
    spiked[3, 3] = 1e6
    scale = value_scale(seen, [spiked])

    assert scale.high == seen.max()
    assert scale.extend == "max"


def test_differences_have_a_scale_that_is_the_same_to_both_sides() -> None:
    scale = difference_scale([np.array([[-1.0, 4.0]]), np.array([[2.0, np.nan]])])

    assert scale.low == -scale.high
    assert 3.9 < scale.high <= 4.0


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0, 1e-30, 1e30])
def test_a_field_that_is_the_same_everywhere_has_a_scale(value: float) -> None:
    constant = np.full((4, 4), value)
    scale = value_scale(constant, [constant])

    assert scale.low < value < scale.high
    assert difference_scale([constant - constant]).high == 1.0


def test_without_any_number_there_is_a_scale_still() -> None:
    nothing = np.full((4, 4), np.nan)

    assert value_scale(nothing, [nothing]).low < value_scale(nothing, []).high
    assert difference_scale([nothing]).high == 1.0


def test_cells_that_take_no_part_have_no_value() -> None:
    mask_HW = np.array([[True, False]])

    assert np.isnan(masked(np.array([[1.0, 2.0]]), mask_HW)).tolist() == [[False, True]]
