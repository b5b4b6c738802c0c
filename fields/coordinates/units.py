"""Units as files write them: whether two are the same, and the conversion of one into the other.

Units are read by pint with the definitions of cf_xarray, which knows the spellings of CF. Loading
both takes a second, so they are loaded only when two files state different units.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST_TEXT = 100
_NAME = r"\(?(?:[^\W\d]|[°%⁻])+(?:(?:\*\*|\^)?[-+]?\d{1,2})?\)?|1"
_WELL_FORMED = re.compile(rf"(?:1\s*/\s*)?(?:{_NAME})(?:(?:\s*[./*·]\s*|\s+)(?:{_NAME}))*")
"""Names with small exponents: pint would raise numbers to any power that a file asks for."""
_SCALE = re.compile(r"(\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?:\s+|$)(?!/)")
_DEGREES_OF_TEMPERATURE = re.compile(r"deg(?:ree)?s?[ _]?([CFK])", re.IGNORECASE)
"""Spellings of UDUNITS that pint does not know, or takes for an angle times a charge."""


class InconvertibleUnitsError(ValueError):
    """Two units that cannot be converted into each other; the text says why, as a clause."""


class UnknownUnitError(InconvertibleUnitsError):
    """A text that is no unit known to CF, UDUNITS or pint."""


@dataclass(frozen=True)
class UnitConversion:
    """A conversion of values into other units.

    Attributes:
        source: Units of the values, as the file states them.
        target: Units they are converted into.
        is_difference: Whether the values are differences, such as anomalies, so that zero stays
            zero: an anomaly of 1 degC is one of 1 K.
    """

    source: str
    target: str
    is_difference: bool = False

    def __call__(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the values in the target units, in their own precision."""
        converted = _convert(values, self.source, self.target)
        if self.is_difference:
            converted = converted - _convert(np.zeros(1), self.source, self.target)
        return np.asarray(converted, dtype=values.dtype)

    def __str__(self) -> str:
        return f"from {self.source} to {self.target}"


def is_difference(attrs: Mapping[str, Any]) -> bool:
    """Return whether a variable holds differences, by its CF attributes."""
    metadata, standard = (str(attrs.get(key, "")) for key in ("units_metadata", "standard_name"))
    return "difference" in metadata or standard.endswith("_anomaly")


def unit_conversion(source: str, target: str, difference: bool = False) -> UnitConversion | None:
    """Return the conversion between two units; None if they are the same.

    Args:
        source: Units as a file states them.
        target: Units to convert into.
        difference: Whether the values are differences.

    Raises:
        UnknownUnitError: If a text is unknown; two equal texts are the same units, known or not.
        InconvertibleUnitsError: If they measure different quantities.
    """
    if " ".join(source.split()) == " ".join(target.split()):
        return None
    for text in (source, target):
        if _parsed(text) is None:
            raise UnknownUnitError(f"{text!r} is not a known unit")
    if _quantity(source) != _quantity(target) or _different_shares(source, target):
        raise InconvertibleUnitsError("they are units of different quantities")
    conversion = UnitConversion(source, target, difference)
    ends = np.array([0.0, 1.0])
    return None if np.allclose(conversion(ends), ends, rtol=0, atol=1e-9) else conversion


def _convert(
    values: npt.NDArray[np.floating], source: str, target: str
) -> npt.NDArray[np.floating]:
    units = _registry()
    parsed, wanted = _parsed(source), _parsed(target)
    assert parsed, "it was read before"
    assert wanted, "it was read before"
    scaled = values * parsed[0] if parsed[0] != 1.0 else values
    found = units.Quantity(scaled, parsed[1]).to(wanted[1]).magnitude
    return np.asarray(found / wanted[0] if wanted[0] != 1.0 else found)


@lru_cache(maxsize=1)
def _registry() -> Any:
    """Return cf_xarray's registry of units.

    Loading it, pint warns of each unit that cf_xarray redefines, which is of no use to anybody.
    """
    logger = logging.getLogger("pint.util")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        from cf_xarray.units import units
    finally:
        logger.setLevel(level)
    return units


@lru_cache(maxsize=64)
def _parsed(text: str) -> tuple[float, Any] | None:
    """Return a factor and a unit of pint; None if the text is unknown."""
    units = _registry()
    text = " ".join(text.split())
    scale = _SCALE.match(text)
    factor = float(scale[1]) if scale else 1.0
    rest = text[scale.end() :] if scale else text
    degrees = _DEGREES_OF_TEMPERATURE.fullmatch(rest)
    if degrees:
        rest = "K" if degrees[1].upper() == "K" else f"deg{degrees[1].upper()}"
    if not (text and len(text) <= LONGEST_TEXT and np.isfinite(factor) and factor > 0):
        return None
    if not rest:
        return factor, units.dimensionless
    if not _WELL_FORMED.fullmatch(rest):
        return None
    # Long names are written in capitals at times; of short ones, capitals mean something else.
    for spelling in (rest, re.sub(r"[A-Za-z]{4,}", lambda name: name[0].lower(), rest)):
        try:
            return factor, units.parse_units(spelling)
        except Exception:  # noqa: BLE001, S112  # pint raises many kinds on texts that are no units
            continue
    return None


def _quantity(text: str) -> Any:
    """Return what a unit measures: its base units, in which an angle is not a bare number."""
    units = _registry()
    parsed = _parsed(text)
    assert parsed is not None
    return units.get_root_units(parsed[1])[1]


def _different_shares(source: str, target: str) -> bool:
    """Return whether both are shares, but of different things: of mass, of moles or of volume.

    pint cancels ``kg kg-1`` and ``mol mol-1`` alike to a bare number.
    """
    units = _registry()
    parsed = _parsed(source)
    assert parsed is not None
    if not units.Quantity(1.0, parsed[1]).dimensionless:
        return False
    named = [_dimensions_named(text) for text in (source, target)]
    return bool(named[0] and named[1] and named[0] != named[1])


def _dimensions_named(text: str) -> frozenset[str]:
    found: set[str] = set()
    for name in re.findall(r"[^\W\d]+", _SCALE.sub("", text, count=1)):
        parsed = _parsed(name)
        if parsed is not None:
            found |= {str(dimension) for dimension in parsed[1].dimensionality}
    return frozenset(found)
