"""Units of two files: the same, converted as by hand, or refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsharp.fields.coordinates.units import (
    InconvertibleUnitsError,
    UnknownUnitError,
    is_difference,
    unit_conversion,
)

TEMPERATURES = ("K", "degC", "degF", "Kelvin", "deg_C")
PRESSURES = ("Pa", "hPa", "mbar", "kPa", "N m-2")
SHARES = ("kg kg-1", "g kg**-1", "1", "%", "1e-3", "mg/kg")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m s**-1", "m s-1"),
        ("m/s", "m  s-1"),
        ("m.s-1", "m s^-1"),
        ("Kelvin", "K"),
        ("W/m2", "W m**-2"),
        ("millibar", "hPa"),
        ("m2 s-2", "J kg-1"),
        ("kg/kg", "1"),
        ("1e-3 kg kg-1", "g kg-1"),
        ("degrees_north", "degree"),
        ("no such unit", "no such unit"),
    ],
)
def test_spellings_of_one_unit_are_the_same(one: str, other: str) -> None:
    assert unit_conversion(one, other) is None
    assert unit_conversion(other, one) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mm/day", "kg m-2 s-1"),  # a depth, and a mass on an area
        ("m2 s-2", "m"),
        ("mol mol-1", "kg kg-1"),
        ("m3 m-3", "kg kg-1"),
        ("psu", "g/kg"),
        ("degree", "1"),
        ("K", "m"),
    ],
)
def test_units_of_different_quantities_are_refused(one: str, other: str) -> None:
    with pytest.raises(InconvertibleUnitsError, match="different quantities"):
        unit_conversion(one, other)


@pytest.mark.parametrize("text", ["(0 - 1)", "-", "m**9**9**9", "~", "hours since 2000", "x" * 200])
def test_a_text_that_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(UnknownUnitError, match="is not a known unit"):
        unit_conversion(text, "m")


@given(
    st.sampled_from((TEMPERATURES, PRESSURES, SHARES)).flatmap(
        lambda units: st.tuples(st.sampled_from(units), st.sampled_from(units))
    ),
    st.floats(-1e5, 1e5),
)
def test_there_and_back_a_value_is_what_it_was(units: tuple[str, str], value: float) -> None:
    values = np.array([value])
    for pair in (units, units[::-1]):
        conversion = unit_conversion(*pair)
        values = values if conversion is None else conversion(values)
    assert values[0] == pytest.approx(value, rel=1e-9, abs=1e-8)


def test_an_anomaly_has_no_other_zero() -> None:
    assert is_difference({"units_metadata": "temperature: difference"})
    assert is_difference({"standard_name": "air_temperature_anomaly"})
    assert not is_difference({"standard_name": "air_temperature"})
    assert unit_conversion("degC", "K", difference=True) is None
    conversion = unit_conversion("degF", "K", difference=True)
    assert conversion is not None
    np.testing.assert_allclose(conversion(np.array([9.0])), 5.0)
