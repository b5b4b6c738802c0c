"""``predict``: a forecast from a run folder, as CF NetCDF."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.commands.options import Json
from fieldsharp.sweep.commands.printing import say, say_json

NAME = "predict"
HELP = "Forecast from a run folder, as many frames ahead as asked for."
IN_MEMORY = 4 * 2**20
"""A quarter of the free memory, in MB: data that are read once and fit into it are read into it, in
11 bytes a value rather than 4."""


def run(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Made by train.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="NetCDF file to write.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Frames to predict.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days to predict.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Other data than the run was trained on: a file, a pattern, an address."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(help="Time of the last known frame; by default the last of the data."),
    ] = None,
    sharpening: Annotated[
        str | None,
        typer.Option(help="none for the predictor's forecast as it is, without its last step."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast from a run folder."""
    from fieldsharp.core.memory import available_memory
    from fieldsharp.fields.series import period_text, time_text
    from fieldsharp.fields.stored_series.store import temporary_store
    from fieldsharp.fields.writing import write_netcdf
    from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
    from fieldsharp.sweep.results.prediction import forecast_variables, steps_of_days
    from fieldsharp.sweep.results.run_folder import load_run

    if (steps is None) == (days is None):
        raise ConfigError("give either --steps or --days, the length of the forecast")
    if output.suffix != ".nc":
        raise ConfigError(f"-o {output} must end in .nc: forecasts are written as NetCDF")
    trained = load_run(run_folder)
    with kill_leftovers(), temporary_store(available_memory() / IN_MEMORY) as store:
        count = steps if steps is not None else steps_of_days(trained, days or 0, data, store)
        series, *others = forecast_variables(trained, count, data, after, sharpening, store)
    write_netcdf(series, output, *others)
    if as_json:
        say_json(
            {
                "output": str(output),
                "frames": count,
                "variable": series.name,
                "units": series.units,
                **({"variables": [one.name for one in (series, *others)]} if others else {}),
                "sharpening": series.file_attrs["sharpening"],
                "first": time_text(series.time[0]),
                "last": time_text(series.time[-1]),
            }
        )
        return
    step = series.file_attrs["sharpening"]
    how = "" if step == "none" else f", sharpened by {step},"
    names = ", ".join(one.name for one in (series, *others))
    say(f"{count} frames of {names}{how} from {period_text(series.time)} written to {output}")
