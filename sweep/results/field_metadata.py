"""What a net must know of the field it was trained on: ``field.json`` of a run folder."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fieldsharp.fields.scaling import Scaling
from fieldsharp.fields.settings import DataSettings
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.storage.durable_files.regular_files import read_bounded

MOST_BYTES = 50_000_000  # coordinates of a curvilinear grid are long
LARGEST_SIDE = 100_000


@dataclass(frozen=True)
class FieldMetadata:
    """What a net must know of the field it was trained on.

    Attributes:
        scaling: Between physical units and the net's.
        shape: What it predicts.
        units: Of the field.
        step_s: Time between two frames of it, in seconds (or units of a time without dates).
        is_dated: Whether its time is dates.
        coordinates: Its y and x, where it has them.
    """

    scaling: Scaling
    shape: ForecastShape
    units: str
    step_s: float
    is_dated: bool
    coordinates: dict[str, list[float]]

    def as_text(self) -> str:
        """Return the content of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_field_metadata(path: Path, data: DataSettings) -> FieldMetadata:
    """Read the file, checked before anything of the size it names is made.

    Args:
        path: The file.
        data: What the run was trained on, as its configuration says.

    Raises:
        OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError:
            If it is not what a run wrote.
    """
    facts = json.loads(read_bounded(path, MOST_BYTES))
    coordinates = {name: list(map(float, c)) for name, c in facts["coordinates"].items()}
    scaling = Scaling(**{name: _finite(name, value) for name, value in facts["scaling"].items()})
    return FieldMetadata(
        scaling=scaling,
        shape=_shape(facts["shape"], data),
        units=str(facts["units"]),
        step_s=_finite("step_s", facts["step_s"]),
        is_dated=bool(facts["is_dated"]),
        coordinates=coordinates,
    )


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, found {str(value)[:50]}")
    return float(value)


def _shape(facts: Mapping[str, Any], data: DataSettings) -> ForecastShape:
    shape = ForecastShape(**facts)
    for name, side in asdict(shape).items():
        if type(side) is not int or not 1 <= side <= LARGEST_SIDE:
            raise ValueError(
                f"shape.{name} must be a whole number from 1 to {LARGEST_SIDE}, found "
                f"{str(side)[:50]}"
            )
    if (shape.history, shape.horizon) != (data.history, data.horizon):
        raise ValueError(
            f"shape has a history of {shape.history} and a horizon of {shape.horizon} where the "
            f"configuration has {data.history} and {data.horizon}"
        )
    return shape
