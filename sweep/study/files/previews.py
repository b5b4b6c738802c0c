"""What pictures of a study are drawn from: one window observed and forecast, spectra, epochs.

Small enough to be kept with every trial, free of torch, and read back without running anything.
Shape legend: L leads (first and last), H rows, W columns, K shells of the spectrum, E epochs.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.study.trial_spec import Part

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
Sample = TypeVar("Sample")
_ABOUT = "about"


class _Packed:
    """A sample that is kept as bytes."""

    def to_bytes(self) -> bytes:
        """Return it as bytes, from which the same is read back."""
        return _pack(self.__dict__)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return what these bytes stand for.

        Raises:
            StudyError: If another version of this program wrote them.
        """
        return _made(cls, _read(content))


@dataclass(frozen=True)
class ObservedPreview(_Packed):
    """What was observed in the window that pictures show, and what its axes mean.

    Attributes:
        part: The part of the series the window is of.
        variable: Name of the field.
        units: Its units, "" where the file states none.
        leads: Which leads are shown, counted from 1.
        ahead: How far ahead each is, in words.
        times: When each is valid, in words.
        x_label: What the columns are, with units.
        y_label: What the rows are, with units.
        every: Every so many rows and columns are kept: large grids are thinned, never averaged,
            which would blur them.
        windows: How many windows the spectra are means of.
        values_LHW: Physical values.
        mask_HW: Cells that take part.
        x_W: Coordinate of each column.
        y_H: Coordinate of each row.
        power_LK: Mean power of the anomalies in each shell.
        wavelength_K: Wavelength of each shell in cells of the whole grid; infinite for the mean.
    """

    part: Part
    variable: str
    units: str
    leads: tuple[int, ...]
    ahead: tuple[str, ...]
    times: tuple[str, ...]
    x_label: str
    y_label: str
    every: int
    windows: int
    values_LHW: FloatArray
    mask_HW: npt.NDArray[np.bool_]
    x_W: DoubleArray
    y_H: DoubleArray
    power_LK: DoubleArray
    wavelength_K: DoubleArray


@dataclass(frozen=True)
class ForecastPreview(_Packed):
    """What a trial forecast for that window.

    Attributes:
        values_LHW: Physical values.
        power_LK: Mean power of the forecast's anomalies in each shell.
    """

    values_LHW: FloatArray
    power_LK: DoubleArray

    def is_beside(self, observed: ObservedPreview) -> bool:
        """Return whether it is of the grid and the leads of what was observed."""
        return self.values_LHW.shape == observed.values_LHW.shape


@dataclass(frozen=True)
class TrialPreview:
    """All that the pictures of a trial need beside its record.

    Attributes:
        forecast: None for a trial that was pruned.
        epochs: By name what was measured after each epoch, length E: ``loss total``, ``loss base``,
            ``loss term``, ``loss peak``, ``score``, ``gradient``, ``peak``, ``rmse``.
    """

    forecast: ForecastPreview | None
    epochs: dict[str, DoubleArray] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return it as bytes, from which the same is read back."""
        parts: dict[str, Any] = {f"epochs/{name}": values for name, values in self.epochs.items()}
        if self.forecast is not None:
            parts |= {f"forecast/{name}": value for name, value in self.forecast.__dict__.items()}
        return _pack(parts)

    @classmethod
    def from_bytes(cls, content: bytes) -> "TrialPreview":
        """Return what these bytes stand for.

        Raises:
            StudyError: If another version of this program wrote them.
        """
        parts = _read(content)
        forecast = _below("forecast/", parts)
        return cls(_made(ForecastPreview, forecast) if forecast else None, _below("epochs/", parts))


def _below(prefix: str, parts: dict[str, Any]) -> dict[str, Any]:
    return {n.removeprefix(prefix): value for n, value in parts.items() if n.startswith(prefix)}


def _pack(parts: dict[str, Any]) -> bytes:
    arrays = {name: v for name, v in parts.items() if isinstance(v, np.ndarray)}
    about = {name: v for name, v in parts.items() if name not in arrays}
    arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    # Safetensors writes the memory as it lies, whatever the strides say.
    return save({name: np.ascontiguousarray(values) for name, values in arrays.items()})


def _read(content: bytes) -> dict[str, Any]:
    try:
        arrays: dict[str, Any] = load(content)
        about = json.loads(arrays.pop(_ABOUT).tobytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise _of_another_version(error) from error
    lists = {name: tuple(v) if isinstance(v, list) else v for name, v in about.items()}
    return {**lists, **arrays}


def _made(kind: type[Sample], parts: dict[str, Any]) -> Sample:
    try:
        return kind(**parts)
    except TypeError as error:
        raise _of_another_version(error) from error


def _of_another_version(error: Exception) -> StudyError:
    reason = " ".join(str(error).split())[:200]
    return StudyError(
        f"what pictures are drawn from is of another version of this program ({reason}); read it "
        "with that version"
    )
