"""Small and large numbers are shown in powers of a thousand."""

import numpy as np
import pytest

from fieldsharp.sweep.pictures.number_scale import number_scale, shown


@pytest.mark.parametrize(
    ("largest", "exponent"),
    [(0.0, 0), (0.1, 0), (140.0, 0), (99_999.0, 0), (1e5, 3), (2.5e7, 6), (0.012, -3), (4e-4, -6)],
)
def test_the_power_is_a_multiple_of_three_and_the_rest_is_easily_read(
    largest: float, exponent: int
) -> None:
    found = number_scale([0.0, -largest])

    assert found.exponent == exponent
    if exponent:
        assert 1.0 <= largest * found.factor < 1000.0


def test_what_is_no_number_has_no_magnitude() -> None:
    assert number_scale([np.nan, np.inf]).exponent == 0
    assert number_scale().units("") == ""


def test_units_say_the_power() -> None:
    assert number_scale([4e-4]).units("kg kg-1", " per cell") == " [10⁻⁶ kg kg-1 per cell]"
    assert number_scale([3.0]).units("", " per cell") == " [per cell]"
    assert (
        number_scale([0.012]).with_units(0.012, "kg kg-1")
        == "12 \N{MULTIPLICATION SIGN} 10⁻³ kg kg-1"
    )
    assert number_scale([3.0]).with_units(3.0, "") == "3"


def test_names_of_others_making_are_visible_and_not_too_long() -> None:
    assert shown("a\x1b[31mb") == "a\\x1b[31mb"
    assert shown("x" * 100, 10) == "xxxxxxxxx…"
