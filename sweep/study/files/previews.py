"""The data that pictures are drawn from: one window observed and forecast, spectra, epochs.

Small enough to be stored with every trial, free of torch, and safe to load.
Shape legend: L leads (first and last), H rows, W columns, K shells of the spectrum, E epochs, M
members that are shown.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.per_variable import named, split_name
from fieldsharp.sweep.study.trial_spec import Part

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
Preview = TypeVar("Preview")
_ABOUT = "about"
_OTHER = "variable "
_MEMBERS = "members"
_SHARPENER = "sharpener of the reference"


class _Packed:
    """A preview that is stored as bytes."""

    def to_bytes(self) -> bytes:
        """Return the preview as safetensors."""
        return _pack(_parts(self))

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the preview in these bytes.

        Raises:
            StudyError: If another version of this program wrote them.
        """
        return _made(cls, _read(content))

    def of(self, variable: int) -> Self:
        """Return the preview of a predicted variable by its position.

        Raises:
            IndexError: If there is none.
        """
        others: tuple[Self, ...] = self.__dict__["others"]
        return self if variable == 0 else others[variable - 1]


@dataclass(frozen=True)
class ObservedPreview(_Packed):
    """The observed field in the window that pictures show, with its axes.

    Attributes:
        part: The part of the series the window is of.
        units: Of the field, "" where the file states none.
        leads: Which leads are shown, counted from 1.
        ahead: The lead time of each, in words.
        times: The valid time of each, in words.
        x_label: What the columns are, with units.
        y_label: What the rows are, with units.
        every: Step between the rows and columns that are stored: large grids are thinned, never
            averaged, which would blur them.
        windows: Number of windows that the spectra are means over.
        values_LHW: Physical values.
        mask_HW: Cells that are evaluated.
        x_W: Coordinate of each column.
        y_H: Coordinate of each row.
        power_LK: Mean power of the anomalies in each shell.
        wavelength_K: Wavelength of each shell in cells of the whole grid; infinite for the mean.
        per: Unit of length of gradients, cell or km.
        others: Of the other predicted variables, in their order.
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
    per: str = "cell"
    others: tuple["ObservedPreview", ...] = ()


@dataclass(frozen=True)
class MembersPreview:
    """The members of an ensemble for that window; physical values.

    Attributes:
        count: How many members mean and spread are of.
        shown_MLHW: The first of them.
        mean_LHW: Mean of all members.
        spread_LHW: Their unbiased standard deviation.
    """

    count: int
    shown_MLHW: FloatArray
    mean_LHW: FloatArray
    spread_LHW: FloatArray


@dataclass(frozen=True)
class ForecastPreview(_Packed):
    """The forecast of a trial for that window.

    Attributes:
        values_LHW: Physical values; of an ensemble its first member.
        power_LK: Mean power of the forecast's anomalies in each shell.
        others: Of the other predicted variables, in their order.
        members: Only of an ensemble whose members are judged together.
    """

    values_LHW: FloatArray
    power_LK: DoubleArray
    others: tuple["ForecastPreview", ...] = ()
    members: MembersPreview | None = None

    def is_beside(self, observed: ObservedPreview) -> bool:
        """Return whether its grid and leads are those of the observed field."""
        return self.values_LHW.shape == observed.values_LHW.shape


@dataclass(frozen=True)
class TrialPreview:
    """The data that the pictures of a trial need beside its record.

    Attributes:
        forecast: None for a trial that was pruned.
        epochs: Figures after each epoch by name, length E: ``loss total``, ``loss base``,
            ``loss term``, ``loss peak``, ``score``, ``gradient``, ``peak``, ``rmse``; those of
            other predicted variables as ``u10: gradient``.
        reference: The baseline's forecast under its best sharpener; only of the baseline, None in
            files of earlier versions.
        sharpener: The name of that sharpener; "" without.
    """

    forecast: ForecastPreview | None
    epochs: dict[str, DoubleArray] = field(default_factory=dict)
    reference: ForecastPreview | None = None
    sharpener: str = ""

    def of(self, variable: int, name: str) -> "TrialPreview":
        """Return the preview of a predicted variable by its position, and its name."""
        if variable == 0:
            return self
        of_name = named(name, "")
        shared = {n: v for n, v in self.epochs.items() if not split_name(n)[0]}
        own = {n.removeprefix(of_name): v for n, v in self.epochs.items() if n.startswith(of_name)}
        return TrialPreview(
            forecast=self.forecast and self.forecast.of(variable),
            epochs={**shared, **own},
            reference=self.reference and self.reference.of(variable),
            sharpener=self.sharpener,
        )

    def to_bytes(self) -> bytes:
        """Return the preview as safetensors."""
        parts: dict[str, Any] = {f"epochs/{name}": values for name, values in self.epochs.items()}
        if self.forecast is not None:
            parts |= _under("forecast/", self.forecast)
        if self.reference is not None:
            parts |= _under("reference/", self.reference)
            parts[_SHARPENER] = self.sharpener
        return _pack(parts)

    @classmethod
    def from_bytes(cls, content: bytes) -> "TrialPreview":
        """Return the preview in these bytes.

        Raises:
            StudyError: If another version of this program wrote them.
        """
        parts = _read(content)
        return cls(
            forecast=_forecast_below("forecast/", parts),
            epochs=_below("epochs/", parts),
            reference=_forecast_below("reference/", parts),
            sharpener=str(parts.get(_SHARPENER, "")),
        )


def _parts(preview: ObservedPreview | ForecastPreview | _Packed) -> dict[str, Any]:
    """Return the contents of a preview by name, those of other variables under their position."""
    parts = dict(preview.__dict__)
    members = parts.pop(_MEMBERS, None)
    if members is not None:
        parts |= {f"{_MEMBERS}/{name}": value for name, value in members.__dict__.items()}
    for position, other in enumerate(parts.pop("others"), start=1):
        parts |= {f"{_OTHER}{position}/{name}": value for name, value in _parts(other).items()}
    return parts


def _under(prefix: str, forecast: ForecastPreview) -> dict[str, Any]:
    return {f"{prefix}{name}": values for name, values in _parts(forecast).items()}


def _forecast_below(prefix: str, parts: dict[str, Any]) -> ForecastPreview | None:
    found = _below(prefix, parts)
    return _made(ForecastPreview, found) if found else None


def _below(prefix: str, parts: dict[str, Any]) -> dict[str, Any]:
    return {n.removeprefix(prefix): value for n, value in parts.items() if n.startswith(prefix)}


def _pack(parts: dict[str, Any]) -> bytes:
    arrays = {name: v for name, v in parts.items() if isinstance(v, np.ndarray)}
    about = {name: v for name, v in parts.items() if name not in arrays}
    arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    # Safetensors writes memory as it is laid out, and ignores strides.
    return save({name: np.ascontiguousarray(values) for name, values in arrays.items()})


def _read(content: bytes) -> dict[str, Any]:
    try:
        arrays: dict[str, Any] = load(content)
        about = json.loads(arrays.pop(_ABOUT).tobytes())
    except (SafetensorError, ValueError, KeyError) as error:
        raise _of_another_version(error) from error
    lists = {name: tuple(v) if isinstance(v, list) else v for name, v in about.items()}
    return {**lists, **arrays}


def _made(kind: type[Preview], parts: dict[str, Any]) -> Preview:
    own = {name: value for name, value in parts.items() if not name.startswith(_OTHER)}
    others: list[Preview] = []
    while others_parts := _below(f"{_OTHER}{len(others) + 1}/", parts):
        others.append(_made(kind, others_parts))
    if others:
        own["others"] = tuple(others)
    members = _below(f"{_MEMBERS}/", own)
    own = {name: value for name, value in own.items() if not name.startswith(f"{_MEMBERS}/")}
    try:
        if members:
            own[_MEMBERS] = MembersPreview(**members)
        return kind(**own)
    except TypeError as error:
        raise _of_another_version(error) from error


def _of_another_version(error: Exception) -> StudyError:
    reason = " ".join(str(error).split())[:200]
    return StudyError(
        f"the preview of a picture is of another version of this program ({reason}); read it with "
        "that version"
    )
