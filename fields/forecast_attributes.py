"""Attributes by which a forecast that was written here is told from data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

SHARPENING = "sharpening"
MEMBERS = "ensemble_members"
SEED = "ensemble_seed"
FORECAST_FROM = " forecast from "


def forecast_attributes(
    predictor: str, start: str, sharpening: str, members: int = 1, seed: int | None = None
) -> dict[str, str | np.int32]:
    """Return what a file says of the forecast it holds.

    Args:
        predictor: Name of the predictor.
        start: Time of the last known frame, as text.
        sharpening: Name of the sharpener.
        members: How many members of an ensemble it has.
        seed: That they are drawn with; None where nothing is drawn, and then neither is named.
    """
    said: dict[str, str | np.int32] = {
        "source": f"{predictor}{FORECAST_FROM}{start}",
        SHARPENING: sharpening,
    }
    if seed is not None:
        said |= {MEMBERS: np.int32(members), SEED: np.int32(seed)}
    return said


def without_draws(file_attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes of data without what they say of members, where they are a forecast."""
    return {name: value for name, value in file_attrs.items() if name not in (MEMBERS, SEED)}


def is_forecast(file_attrs: Mapping[str, Any]) -> bool:
    """Return whether a file with these attributes holds a forecast that was written here."""
    return SHARPENING in file_attrs and FORECAST_FROM in str(file_attrs.get("source", ""))
