"""Attributes by which a forecast that was written here is told from data."""

from collections.abc import Mapping
from typing import Any

SHARPENING = "sharpening"
FORECAST_FROM = " forecast from "


def forecast_attributes(predictor: str, start: str, sharpening: str) -> dict[str, str]:
    """Return what a file says of the forecast it holds.

    Args:
        predictor: Name of the predictor.
        start: Time of the last known frame, as text.
        sharpening: Name of the sharpener.
    """
    return {"source": f"{predictor}{FORECAST_FROM}{start}", SHARPENING: sharpening}


def is_forecast(file_attrs: Mapping[str, Any]) -> bool:
    """Return whether a file with these attributes holds a forecast that was written here."""
    return SHARPENING in file_attrs and FORECAST_FROM in str(file_attrs.get("source", ""))
