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
    members: Annotated[
        int | None,
        typer.Option(min=1, help="Members of an ensemble, along a dimension realization."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="That members are drawn with; by default the training's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast from a run folder."""
    from fieldsharp.fields.forecast_attributes import SHARPENING
    from fieldsharp.fields.series import period_text, time_text
    from fieldsharp.fields.writing import write_dataset
    from fieldsharp.sweep.results.members_asked import MembersAsked
    from fieldsharp.sweep.results.prediction import forecast_of_length
    from fieldsharp.sweep.results.run_folder import load_run

    if (steps is None) == (days is None):
        raise ConfigError("give either --steps or --days, the length of the forecast")
    if output.suffix != ".nc":
        raise ConfigError(f"-o {output} must end in .nc: forecasts are written as NetCDF")
    trained = load_run(run_folder)
    asked = MembersAsked(members, seed)
    dataset = forecast_of_length(trained, steps, days, data, after, sharpening, asked)
    write_dataset(dataset, output)
    names = list(map(str, dataset.data_vars))
    first = dataset[names[0]]
    times = dataset[first.dims[-3]].values
    drawn_with = asked.seed_of_draws(trained)
    sharpener = str(dataset.attrs[SHARPENING])
    if as_json:
        say_json(
            {
                "output": str(output),
                "frames": len(times),
                "variable": names[0],
                "units": str(first.attrs.get("units", "")),
                **({"variables": names} if len(names) > 1 else {}),
                "sharpening": sharpener,
                **({} if drawn_with is None else {"members": asked.drawn, "seed": drawn_with}),
                "first": time_text(times[0]),
                "last": time_text(times[-1]),
            }
        )
        return
    how = "" if sharpener == "none" else f", sharpened by {sharpener},"
    say(
        f"{len(times)} frames of {', '.join(names)}{how}{_members(members, drawn_with)} from "
        f"{period_text(times)} written to {output}"
    )


def _members(asked: int | None, seed: int | None) -> str:
    """Return how many members there are, or which of them the forecast is."""
    if seed is None:
        return ""
    if asked is None:
        return f" of member 0 of seed {seed}"
    return f" of {asked} member{'s' if asked > 1 else ''} of seed {seed}"
