"""Prints what the guards make of every forecast of the tests.

    python -m tests.objectives.guard_table [FOLDER]

With a folder that holds them, the table has two more fields: temperature over the British Isles
(``era5_t2m_2019_03_uk.nc``) and rain by radar (``knmi_rain_2010_08_26.nc``, whose hours are frames
of five minutes). For each scene: gradient and peak (above the mean) as shares of the observed, and
the guards broken, the most broken first.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr

from fieldsharp.objectives.guards import broken
from tests.objectives import cheats
from tests.objectives.forecasts import BY_NAME, Judged

MOST_NAMED = 3
MORE = {
    "temperature, British Isles": ("era5_t2m_2019_03_uk.nc", "t2m", 6),
    "rain": ("knmi_rain_2010_08_26.nc", "rain", 1),
}
"""File, variable, and frames between two forecasts."""


def _cell(scene: Judged, name: str) -> str:
    try:
        metrics = scene[name].overall
    except ValueError as error:  # it cannot be made of this field
        return str(error)
    gradient = metrics["gradient"] / metrics["gradient_observed"]
    mean = metrics["mean_observed"]
    peak = (metrics["peak"] - mean) / (metrics["peak_observed"] - mean)
    wrong = [guard.name for guard in broken(scene.outcomes(name))]
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    return f"{gradient:.2f}, {peak:.2f}: {', '.join(wrong[:MOST_NAMED]) or 'none'}{more}"


def main() -> None:
    """Print the table."""
    scenes = {
        "plumes": Judged(cheats.plume_scene()),
        "humidity": Judged(cheats.uk_scene()),
        "temperature": Judged(cheats.uk_scene("Tair")),
    }
    for name, (file, variable, every) in MORE.items():
        if len(sys.argv) > 1:
            with xr.open_dataset(Path(sys.argv[1]) / file, engine="h5netcdf") as dataset:
                field_THW = dataset[variable].to_numpy().astype(np.float64)
            scenes[name] = Judged(cheats.pattern_scene(field_THW, every))
    sys.stdout.write(f"| forecast | {' | '.join(scenes)} |\n|{'---|' * (len(scenes) + 1)}\n")
    for name in BY_NAME:
        cells = " | ".join(_cell(scene, name) for scene in scenes.values())
        sys.stdout.write(f"| {name} | {cells} |\n")


if __name__ == "__main__":
    main()
