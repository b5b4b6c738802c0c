"""Settings of what comes back from a script: its arrays, its metrics and its epochs."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, model_validator

from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.axis_names import AXES, OF_FRAMES, free_axes
from fieldsharp.fields.settings import Settings

AS_TEXT, AS_MAPPING = "as text", "as a mapping"
FORMS = (AS_TEXT, AS_MAPPING)
"""Tags of the two forms of a setting, which errors leave out."""
TORCH_SUFFIXES = (".pt", ".pth")
STREAM_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
"""Of files of metrics that grow by a line for each epoch; event files of TensorBoard do too."""


def _named(value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise ValueError("must name a file, found nothing; leave it out where there is none")
    return value


def _form(value: Any) -> str:
    return AS_MAPPING if isinstance(value, Mapping | BaseModel) else AS_TEXT


FileName = Annotated[str, AfterValidator(_named)]


class FieldFile(Settings):
    """A file with a forecast or a truth, as a mapping: which array of it, and what its axes are."""

    path: FileName = Field(
        description="file, or a pattern such as outputs/**/forecast.npy, of which the newest match "
        "of the trial counts; .npy, .npz, .pt, .h5, .nc or .zarr"
    )
    axes: tuple[str, ...] | None = Field(
        None,
        description=f"what each axis of the array is, in its order: {', '.join(AXES)}; a pair of "
        "sample and lead is a frame; not needed where the file names its dimensions",
    )
    select: dict[str, int | float | str] = Field(
        default_factory=dict,
        description="one index, from 0, of an axis, such as {channel: 0}; without axes one value "
        "of a dimension of the file",
    )
    key: str | None = Field(
        None, description="name of the array in a file of several, in place of trainer.variable"
    )

    @model_validator(mode="after")
    def _axes_say_where_everything_is(self) -> "FieldFile":
        if self.axes is None:
            if PurePath(self.path).suffix.lower() in TORCH_SUFFIXES:
                raise ValueError(
                    f"{self.path} is a file of torch, whose axes have no names; add them in their "
                    "order, such as axes: [sample, channel, y, x]"
                )
            return self
        for axis in self.axes:
            if axis not in AXES:
                raise ValueError(f"axes: {unknown('axis', axis, AXES)}")
        if len(set(self.axes)) < len(self.axes):
            twice = next(axis for axis in self.axes if self.axes.count(axis) > 1)
            raise ValueError(
                f"axes names {twice} twice, found {_listed(self.axes)}; name each axis once"
            )
        for axis in ("y", "x"):
            if axis not in self.axes:
                raise ValueError(
                    f"axes lacks {axis}, found {_listed(self.axes)}; name the axes of rows (y) and "
                    "columns (x)"
                )
        if not set(OF_FRAMES) & set(self.axes):
            raise ValueError(
                f"axes has neither sample nor lead, found {_listed(self.axes)}, and a forecast is "
                "judged over frames; name the axis that they are along"
            )
        for axis, index in self.select.items():
            if axis not in self.axes:
                raise ValueError(
                    f"select.{axis}: {unknown('axis', axis, [a for a in self.axes if len(a) > 1])}"
                )
            if axis in ("y", "x"):
                raise ValueError(
                    f"select.{axis} would leave a line of a field; leave it out, and have the "
                    "script write the part of the grid that is judged"
                )
            if not isinstance(index, int) or index < 0:
                raise ValueError(
                    f"select.{axis} must be an index from 0, found {index!r}: arrays with axes "
                    "have no coordinates"
                )
        return self

    @property
    def free(self) -> frozenset[str]:
        """The axes along which frames and members are left, see ``free_axes``."""
        return free_axes(self.axes or (), self.select)


class MetricsFile(Settings):
    """A file with metrics, as a mapping: where they are, and what they are called there."""

    path: FileName = Field(
        description="file, or a pattern such as logs/**/metrics.csv, of which the newest match of "
        "the trial counts; .csv, .jsonl, .json or an event file of TensorBoard"
    )
    names: dict[str, str] = Field(
        min_length=1,
        description="column, key or tag of each metric, such as {rmse: val/rmse}; the last value "
        "counts",
    )


class ProgressColumns(Settings):
    """Epochs from the file of trainer.metrics, as a mapping: read while the script runs."""

    epoch: str = Field(
        "epoch",
        min_length=1,
        description="column, key or tag with the number of the epoch; an event file of TensorBoard "
        "without it has an epoch for each step that has the metrics",
    )
    first: int = Field(0, ge=0, description="number of the first epoch")


FieldSetting = Annotated[
    Annotated[FileName, Tag(AS_TEXT)] | Annotated[FieldFile, Tag(AS_MAPPING)], Discriminator(_form)
]
MetricsSetting = Annotated[
    Annotated[FileName, Tag(AS_TEXT)] | Annotated[MetricsFile, Tag(AS_MAPPING)],
    Discriminator(_form),
]
ProgressSetting = Annotated[
    Annotated[str, Tag(AS_TEXT)] | Annotated[ProgressColumns, Tag(AS_MAPPING)], Discriminator(_form)
]


def path_of(setting: str | FieldFile | MetricsFile) -> str:
    """Return the file, or the pattern, of either form of a setting."""
    return setting if isinstance(setting, str) else setting.path


def field_file(setting: str | FieldFile) -> FieldFile:
    """Return either form of a setting as a mapping."""
    return FieldFile(path=setting) if isinstance(setting, str) else setting


def require_same_frames(
    forecast: str | FieldFile, truth: str | FieldFile, prefix: str = ""
) -> None:
    """Check that the axes of a forecast and of its truth say the same frames.

    Args:
        forecast: Of the settings.
        truth: Of the settings.
        prefix: Of the names of both settings, for errors.

    Raises:
        ValueError: If one alone has axes, or they have other frames.
    """
    ours, theirs = field_file(forecast), field_file(truth)
    names = f"trainer.{prefix}forecast", f"trainer.{prefix}truth"
    if (ours.axes is None) != (theirs.axes is None):
        has, lacks = names if theirs.axes is None else names[::-1]
        raise ValueError(
            f"{has} has axes and {lacks} has none, so that it is not known which frames belong "
            f"together; write {lacks} with its axes too, such as {{path: "
            f"{path_of(truth if theirs.axes is None else forecast)}, axes: [sample, y, x]}}"
        )
    if "member" in theirs.free:
        raise ValueError(
            f"{names[1]} has the axis member, and there is one truth; choose one by select, or "
            "leave the axis out"
        )
    frames = [axes.free & set(OF_FRAMES) for axes in (ours, theirs)]
    if frames[0] != frames[1]:
        raise ValueError(
            f"{names[0]} has frames along {_listed(sorted(frames[0])) or 'no axis'} and "
            f"{names[1]} along {_listed(sorted(frames[1])) or 'no axis'}; choose one of the "
            "further axis by select, or write both with the same"
        )


def require_progress_has_metrics(
    metrics: str | MetricsFile | None, needed: tuple[str, ...]
) -> None:
    """Check that epochs can be read from the file of metrics.

    Raises:
        ValueError: If there is none that grows, or it lacks a metric that every epoch needs.
    """
    if metrics is None:
        raise ValueError(
            "trainer.progress names a column, and there is no trainer.metrics that has it; set "
            "trainer.metrics to the file that the script logs to, or trainer.progress to a regular "
            "expression"
        )
    if PurePath(path_of(metrics)).suffix.lower() == ".json":
        raise ValueError(
            f"trainer.progress is read from {path_of(metrics)}, and a JSON file is written whole "
            f"at the end; log to one of {', '.join(STREAM_SUFFIXES)} or an event file, or set "
            "trainer.progress to a regular expression"
        )
    lacking = [
        name for name in needed if isinstance(metrics, MetricsFile) and name not in metrics.names
    ]
    if lacking:
        raise ValueError(
            f"trainer.progress is read from {path_of(metrics)}, and trainer.metrics.names lacks "
            f"{', '.join(lacking)}, which every epoch is scored by; name the columns"
        )


def _listed(axes: "tuple[str, ...] | list[str]") -> str:
    return ", ".join(axes)
