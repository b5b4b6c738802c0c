"""``train``: one training from an exported or written configuration."""

from pathlib import Path
from typing import Annotated

import typer

from fieldsharp.sweep.commands.options import Json, Overrides
from fieldsharp.sweep.commands.printing import say, say_json

NAME = "train"
HELP = "Train one exported or written configuration into a run folder."


def run(
    config: Annotated[Path, typer.Argument(help="YAML or JSON file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the run.")],
    settings: Overrides = None,
    as_json: Json = False,
) -> None:
    """Train one configuration."""
    from fieldsharp.sweep.configuration.config_file import load_config
    from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
    from fieldsharp.sweep.results.train_run import train_into

    file = load_config(config, settings or [], one_training=True)
    with kill_leftovers():
        outcome = train_into(file, output)
    if as_json:
        say_json(
            {
                "output": str(output),
                "units": outcome.units,
                "metrics": dict(outcome.metrics),
                "largest_difference": outcome.largest_difference,
                "largest_difference_of": outcome.largest_difference_of,
                "sharpening": outcome.sharpening,
            }
        )
        return
    m = outcome.metrics
    step = "" if outcome.sharpening == "none" else f", sharpened by {outcome.sharpening}"
    for of, name, units in (
        ("", "", outcome.units),
        *((f"{name}: ", f" of {name}", units) for name, units in outcome.others.items()),
    ):
        unit = f" {units}" if units else ""
        say(
            f"validation split{step}: gradient{name} {m[of + 'gradient']:.4g} (observed "
            f"{m[of + 'gradient_observed']:.4g}), peak {m[of + 'peak']:.4g}{unit} (observed "
            f"{m[of + 'peak_observed']:.4g}), rmse {m[of + 'rmse']:.4g}{unit}"
        )
    if outcome.largest_difference is not None:
        say(
            "largest relative difference from the exported metrics: "
            f"{outcome.largest_difference:.1e} ({outcome.largest_difference_of})"
        )
    say(f"written to {output}")
