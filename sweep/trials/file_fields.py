"""Reads the fields of an evaluation: a forecast, its truth, and files of training frames."""

from dataclasses import asdict, dataclass
from pathlib import Path

from fieldsharp.core.memory import Use
from fieldsharp.fields.coordinates.selection import FORECAST_SELECT, TRUTH_SELECT, Selection
from fieldsharp.fields.files.formats import holds_variable, open_dataset, pick_variable
from fieldsharp.fields.reading import RAW, RawField, read_forecast, read_raw
from fieldsharp.fields.settings import DataSettings

TRUTH = Use(bytes_a_value=72)
"""Memory for the truth, with a forecast in memory: common frames of both, and the climatology."""
BASELINE = Use(bytes_a_value=24)
"""Memory for the baseline, with both in memory: itself and the paired frames."""


@dataclass(frozen=True)
class NumbersInFiles:
    """What numbers in the files of an evaluation mean, as ``data.*`` says of a sweep.

    Attributes:
        missing_values: Numbers that mark missing values beside those that a file declares.
        allow_fill_like: Whether numbers that look like undeclared fill values are data.
    """

    missing_values: tuple[float, ...] = ()
    allow_fill_like: bool = False

    def settings(self, of_file: DataSettings) -> DataSettings:
        """Return the settings of a file with these."""
        return of_file.model_copy(update=asdict(self))


def read_forecast_file(
    path: Path,
    variable: str | None,
    select: Selection,
    numbers: NumbersInFiles,
    use: Use = RAW,
    *,
    may_lack: bool = False,
) -> tuple[str, RawField]:
    """Return the name of a forecast's variable and its frames.

    Args:
        path: The file.
        variable: Name in it; None where it holds one.
        select: One value for each further dimension.
        numbers: Which numbers are missing values.
        use: Memory that its use takes.
        may_lack: Whether the file may lack a dimension that is selected.
    """
    with open_dataset(path, variable) as dataset:
        name = pick_variable(dataset, variable, str(path))
        if may_lack:
            known = {*dataset[name].dims, *dataset[name].coords}
            select = {dim: value for dim, value in select.items() if dim in known}
    settings = DataSettings(path=str(path), variable=name, select=dict(select))
    return name, read_forecast(numbers.settings(settings), FORECAST_SELECT, use)


def read_truth_file(
    path: Path,
    forecast_name: str,
    variable: str | None,
    select: Selection | None,
    numbers: NumbersInFiles,
) -> RawField:
    """Return the frames of a truth.

    Args:
        path: The file.
        forecast_name: Name of the variable of the forecast.
        variable: Name in the truth; None where it is the same, or the only one.
        select: One value for each further dimension.
        numbers: Which numbers are missing values.
    """
    # A bare array is named after its file: a truth that holds one field needs no equal name.
    same = variable or (forecast_name if holds_variable(path, forecast_name) else None)
    chosen = dict(select) if select else {}
    settings = DataSettings(path=str(path), variable=same, select=chosen)
    return read_raw(numbers.settings(settings), TRUTH, option=TRUTH_SELECT)
