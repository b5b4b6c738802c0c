"""Scaling, units, grid and time step of the training field: ``field.json`` of a run folder."""

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldsharp.fields.scaling import ScaledVariable, Scaling
from fieldsharp.fields.series import BoolArray
from fieldsharp.fields.settings import DataSettings
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.storage.durable_files.regular_files import read_bounded

MOST_BYTES = 200_000_000  # coordinates of a curvilinear grid are long
LARGEST_SIDE = 100_000

Coordinate = list[float] | list[list[float]]
"""Values along an axis, or of a curved grid by rows."""


@dataclass(frozen=True)
class FieldMetadata:
    """Properties of the field a predictor was trained on, needed to forecast with it.

    Attributes:
        scaling: Between physical units and the training range.
        step_s: Time between two frames, in seconds (or units of a time axis without dates).
        is_dated: Whether the time axis has dates.
        coordinates: Its y and x coordinates by name, rows first, where it has them, and those of a
            curved grid; folders of earlier versions lack the last.
        others: Predicted variables beside the first.
        inputs: Inputs that are not predicted and are scaled.
        masks: Cells of each predicted variable that the training knew, see ``mask_as_text``; none
            in folders of earlier versions.
    """

    scaling: Scaling
    shape: ForecastShape
    units: str
    step_s: float
    is_dated: bool
    coordinates: dict[str, Coordinate]
    others: tuple[ScaledVariable, ...] = ()
    inputs: tuple[ScaledVariable, ...] = ()
    masks: tuple[str, ...] = ()

    @property
    def masks_HW(self) -> list[BoolArray]:
        """The masks of all predicted variables; none in folders of earlier versions."""
        shape = (self.shape.height, self.shape.width)
        return [_mask(text, shape) for text in self.masks]

    @property
    def scalings(self) -> tuple[Scaling, ...]:
        """Of all predicted variables."""
        return (self.scaling, *(one.scaling for one in self.others))

    @property
    def units_of_each(self) -> tuple[str, ...]:
        """Units of all predicted variables."""
        return (self.units, *(one.units for one in self.others))

    def as_text(self) -> str:
        """Return the content of the file."""
        facts = {**vars(self), "scaling": asdict(self.scaling), "shape": asdict(self.shape)}
        for name in ("others", "inputs"):
            facts[name] = [asdict(one) for one in getattr(self, name)]
        # One line: a line for each number would double the size of a curved grid.
        grid = json.dumps(facts.pop("coordinates"))
        text = json.dumps(facts, indent=2).removesuffix("\n}")
        return f'{text},\n  "coordinates": {grid}\n}}\n'


def read_field_metadata(path: Path, data: DataSettings) -> FieldMetadata:
    """Read and validate the file; no array of a size named in it is allocated before.

    Raises:
        OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError:
            If a run did not write it so.
    """
    content = json.loads(read_bounded(path, MOST_BYTES))
    coordinates = {str(name): _coordinate(c) for name, c in content["coordinates"].items()}
    shape = _shape(content["shape"], data)
    for name, values in coordinates.items():
        if np.shape(values) not in {(shape.height,), (shape.width,), (shape.height, shape.width)}:
            raise ValueError(f"the coordinate {name[:50]} is not of the shape of the grid")
    return FieldMetadata(
        scaling=_scaling(content["scaling"]),
        shape=shape,
        units=str(content["units"]),
        step_s=_finite("step_s", content["step_s"]),
        is_dated=bool(content["is_dated"]),
        coordinates=coordinates,
        others=_scaled_variables(content.get("others", []), data.predicted[1:]),
        inputs=_scaled_variables(content.get("inputs", []), data.scaled_inputs),
        masks=_masks(content.get("masks", []), shape),
    )


def mask_as_text(mask_HW: BoolArray) -> str:
    """Return a mask as text: its bits, row by row, in base64."""
    return b64encode(np.packbits(mask_HW).tobytes()).decode()


def _mask(text: str, shape: tuple[int, int]) -> BoolArray:
    bits = np.frombuffer(b64decode(text, validate=True), np.uint8)
    return np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(np.bool_)


def _masks(texts: Any, shape: ForecastShape) -> tuple[str, ...]:
    if len(texts) not in (0, shape.channels):
        raise ValueError(f"{len(texts)} masks where {shape.channels} variables are predicted")
    cells = shape.height * shape.width
    if any(len(b64decode(text, validate=True)) != -(-cells // 8) for text in texts):
        raise ValueError("a mask is not of the shape of the grid")
    return tuple(map(str, texts))


def _scaling(content: Mapping[str, Any]) -> Scaling:
    return Scaling(**{name: _finite(name, value) for name, value in content.items()})


def _scaled_variables(content: Any, names: Sequence[str | None]) -> tuple[ScaledVariable, ...]:
    if [one["name"] for one in content] != list(names):  # else one is scaled as another
        raise ValueError("it is of other variables than the configuration")
    return tuple(
        ScaledVariable(str(one["name"]), str(one["units"]), _scaling(one["scaling"]))
        for one in content
    )


def _coordinate(values: Any) -> Coordinate:
    if not (values and isinstance(values[0], list)):
        return list(map(float, values))
    return [list(map(float, row)) for row in values]


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, found {str(value)[:50]}")
    return float(value)


def _shape(sides: Mapping[str, Any], data: DataSettings) -> ForecastShape:
    shape = ForecastShape(**sides)
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
