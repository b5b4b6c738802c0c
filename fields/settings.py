"""Settings of the data, and the base of every settings model.

Every model is frozen, refuses unknown keys and documents each field with its unit, so that the
whole configuration can be stored with a study and compared with another.
"""

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from fieldsharp.core.printable import printable
from fieldsharp.core.setting_words import in_quotes, require_no_conversion

LARGEST_WINDOW_FRAMES = 1000
CONVERSION = "conversion"
"""Type of the error of a value of another kind; its message begins with the setting's name."""


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the settings that a field holds, also one that may be left out; None of a value."""
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    kind = kinds[0] if len(kinds) == 1 else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def section_beside_text(annotation: Any) -> type[BaseModel] | None:
    """Return the settings that a field holds which may be text instead; None of another field."""
    found: list[type[BaseModel]] = []
    has_text = False
    pending = [annotation]
    while pending:
        kind = pending.pop()
        has_text |= kind is str
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.append(kind)
        elif get_origin(kind) in (Annotated, Union, UnionType):
            pending += get_args(kind)
    return found[0] if has_text and len(found) == 1 else None


class Settings(BaseModel):
    """Base of all settings: immutable, strict about keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_converted(cls, value: Any) -> Any:
        for name, given in value.items() if isinstance(value, dict) else ():
            field = cls.model_fields.get(name)
            if field is not None:
                try:
                    require_no_conversion(name, given, field.annotation)
                except ValueError as error:
                    raise PydanticCustomError(
                        CONVERSION, "{sentence}", {"sentence": str(error)}
                    ) from error
        return value


class GridMeasures(Settings):
    """What is taken from the coordinates of a grid when a forecast is judged."""

    area_weights: Literal["auto", "none"] = Field(
        "none",
        description="auto weighs each cell by the cosine of its latitude in RMSE, MAE, bias, "
        "skill, variances and correlations, where the grid has latitudes",
    )
    per: Literal["cell", "km"] = Field(
        "cell",
        description="unit of length of gradients; km needs latitudes and longitudes, or projected "
        "coordinates with units",
    )


Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
Numbers = Annotated[
    tuple[float, ...], BeforeValidator(lambda v: [v] if isinstance(v, int | float | str) else v)
]
"""Numbers; a single one needs no brackets."""


HOUR_OF_DAY = "hour_of_day"
DAY_OF_YEAR = "day_of_year"
SOLAR_ZENITH = "solar_zenith"
FROM_TIME = (HOUR_OF_DAY, DAY_OF_YEAR, SOLAR_ZENITH)
"""Forcings that follow from the time; all others are variables."""

SELECTED = "@"
"""Before what is selected of one of several variables: ``t@level=850``."""


def _as_names(value: Any) -> Any:
    entries = value if isinstance(value, list | tuple) else [value]
    if value is None:
        raise ValueError("must be a name or a list of names, found null; give [] for none")
    wrong = [entry for entry in entries if not isinstance(entry, str)]
    if wrong:
        raise ValueError(f"must be a name or a list of names, found {_not_text(wrong[0])}")
    return tuple(entries)


def _as_paths(value: Any) -> Any:
    entries = value if isinstance(value, list | tuple) else [value]
    wrong = [entry for entry in entries if not isinstance(entry, str)]
    if entries and not wrong:
        return value if isinstance(value, str) else tuple(value)
    found = _not_text(wrong[0]) if wrong else "an empty list"
    raise ValueError(f"must be a path or a list of paths, found {found}")


def _not_text(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return printable(str(value))
    word = "null" if value is None else str(value).lower()
    return f"{word}; {in_quotes(word)}"


Names = Annotated[tuple[str, ...], BeforeValidator(_as_names)]
"""Names; a single one needs no brackets."""


FilePaths = Annotated[str | tuple[str, ...], BeforeValidator(_as_paths)]
"""One path, pattern or address, or a list of these."""


def _require_name(setting: str, name: str) -> None:
    variable, *chosen = name.split(SELECTED)
    if "," in variable:
        listed = ",".join(part.strip(" ()") for part in name.split(","))
        raise ValueError(
            f"data.{setting} names {name!r}; give several names in brackets, as "
            f"data.{setting}=[{listed}]"
        )
    if not variable or any("=" not in part or part.startswith("=") for part in chosen):
        raise ValueError(
            f"data.{setting} names {name!r}; give the name of a variable, or with what is selected "
            "of it alone, such as t@level=850"
        )


class SplitSettings(Settings):
    """Chronological shares of the series; a gap of one window is left between them."""

    train: Fraction = Field(0.7, description="share of frames to train on")
    validation: Fraction = Field(
        0.15, description="share of frames on which the search scores trials"
    )
    test: Fraction = Field(
        0.15, description="share of frames for confirm, never used by the search"
    )

    @model_validator(mode="after")
    def _shares_make_a_whole(self) -> "SplitSettings":
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(
                f"train, validation and test must add up to 1, found {total:g}; "
                "for example 0.7, 0.15 and 0.15"
            )
        return self


class DataSettings(Settings):
    """Which field is forecast, from how much history, and how far ahead."""

    path: FilePaths = Field(
        description="NetCDF, HDF5, Zarr (a folder, a .zip or an address), GRIB, .npy or .npz file; "
        "a pattern such as era5/*.nc or a list of files, joined along time; a relative path in a "
        "YAML file is relative to that file"
    )
    variable: str | None = Field(
        None,
        description="name in the file, with its group where it is in one (forecast/t2m); not "
        "needed if the file has only one variable",
    )
    inputs: Names = Field(
        (),
        description="names of the variables whose history a predictor is given; by default those "
        "that are predicted",
    )
    predict: Names = Field(
        (),
        description="names of the variables that are predicted, each of them an input; by default "
        "data.variable",
    )
    static: Names = Field(
        (),
        description="names of variables that do not depend on time and are inputs too, such as "
        "orography",
    )
    forcings: Names = Field(
        (),
        description="inputs that are known ahead, at every lead: hour_of_day, day_of_year, "
        "solar_zenith, or names of variables in the file",
    )
    select: dict[str, int | float | str] = Field(
        default_factory=dict,
        description="one coordinate value (or index) for each dimension beyond time, y and x",
    )
    history: int = Field(4, ge=1, le=LARGEST_WINDOW_FRAMES, description="number of input frames")
    horizon: int = Field(
        3, ge=1, le=LARGEST_WINDOW_FRAMES, description="number of frames to predict"
    )
    stride: int = Field(
        1, ge=1, le=LARGEST_WINDOW_FRAMES, description="time steps between two frames of a window"
    )
    train_every: int = Field(
        1, ge=1, description="time steps between the starts of two training windows"
    )
    score_every: int = Field(
        1, ge=1, description="time steps between the starts of two validation or test windows"
    )
    min_valid_share: float = Field(
        0.9,
        gt=0.0,
        le=1.0,
        description="cells with a value in a smaller share of the frames are masked in all frames",
    )
    max_filled_share: float = Field(
        0.2,
        ge=0.0,
        le=1.0,
        description="frames with a larger share of gaps in the cells that are not masked are in "
        "no window",
    )
    missing_values: Numbers = Field(
        (),
        description="numbers that mark missing values beside those that the file declares, in the "
        "units of the field",
    )
    allow_fill_like: bool = Field(
        False,
        description="whether numbers that look like undeclared fill values, such as -9999, are "
        "data; otherwise they are refused",
    )
    split: SplitSettings = Field(
        default_factory=SplitSettings, description="chronological shares of the series"
    )

    @model_validator(mode="after")
    def _each_variable_has_one_place(self) -> "DataSettings":
        for setting in ("inputs", "predict", "static", "forcings"):
            for name in getattr(self, setting):
                _require_name(setting, name)
        several = [name for name in ("inputs", "predict") if getattr(self, name)]
        if self.variable is not None and several:
            raise ValueError(
                f"data.variable is {self.variable}, and data.{several[0]} names variables too; "
                f"leave data.variable out and give data.predict={self.variable}"
            )
        if self.inputs and not self.predict and len(self.inputs) > 1:
            raise ValueError(
                f"data.inputs names {len(self.inputs)} variables, and nothing says which of them "
                f"are predicted; give data.predict too, such as data.predict={self.inputs[0]}"
            )
        for name in self.predict if self.inputs else ():
            if name not in self.inputs:
                raise ValueError(
                    f"data.predict names {name}, which is none of data.inputs "
                    f"({', '.join(self.inputs)}); a variable is predicted from its own history, so "
                    "name it there too"
                )
        short = [name.split(SELECTED)[0].rpartition("/")[2] for name in self.predict]
        twice = next((name for name in short if short.count(name) > 1), None)
        if twice is not None and len(set(self.predict)) == len(self.predict):
            raise ValueError(
                f"data.predict names {twice} at several selections or in several groups, and "
                "forecasts are told apart by the name of the variable; predict one of them, and "
                "name the others in data.inputs"
            )
        for first in ("inputs", "predict"):
            named: dict[str, str] = {}
            for setting in (first, "static", "forcings"):
                for name in getattr(self, setting):
                    if name in named:
                        raise ValueError(
                            f"data.{setting} names {name}, which data.{named[name]} names already; "
                            "leave it out of one"
                        )
                    named[name] = setting
        return self

    @property
    def predicted(self) -> tuple[str | None, ...]:
        """Names of the variables that are predicted; None for the only one of a file."""
        return self.predict or self.inputs or (self.variable,)

    @property
    def other_inputs(self) -> tuple[str, ...]:
        """Names of the variables that are inputs and not predicted."""
        return tuple(name for name in self.inputs if name not in self.predicted)

    @property
    def known_ahead(self) -> tuple[str, ...]:
        """Names of the forcings that are variables."""
        return tuple(name for name in self.forcings if name not in FROM_TIME)

    @property
    def series_names(self) -> tuple[str | None, ...]:
        """Names of all variables that have times, in the order they are read."""
        return (*self.predicted, *self.other_inputs, *self.known_ahead)

    @property
    def scaled_inputs(self) -> tuple[str, ...]:
        """Names of all variables that are inputs and not predicted, in the order they are read."""
        return (*self.other_inputs, *self.static, *self.known_ahead)

    def of(self, variable: str | None) -> "DataSettings":
        """Return the settings of one variable alone, which may be named with what is selected."""
        alone = {"inputs": (), "predict": (), "static": (), "forcings": ()}
        name, *chosen = (variable or "").split(SELECTED)
        select = dict(self.select) | dict(part.split("=", 1) for part in chosen)
        return self.model_copy(update={"variable": name or None, "select": select, **alone})
