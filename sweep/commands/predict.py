"""``predict``: a forecast from a run folder, as CF NetCDF."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.commands.options import Json
from fieldsharp.sweep.commands.printing import say, say_json

NAME = "predict"
HELP = "Forecast from a run folder, as many frames ahead as asked for."


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
    from fieldsharp.fields.series import period_text, time_text
    from fieldsharp.fields.writing import write_netcdf
    from fieldsharp.sweep.results.prediction import forecast_of_length
    from fieldsharp.sweep.results.run_folder import load_run

    if (steps is None) == (days is None):
        raise ConfigError("give either --steps or --days, the length of the forecast")
    if output.suffix != ".nc":
        raise ConfigError(f"-o {output} must end in .nc: forecasts are written as NetCDF")
    trained = load_run(run_folder)
    series, *others = forecast_of_length(trained, steps, days, data, after, sharpening)
    count = len(series.time)
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
