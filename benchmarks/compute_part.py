"""The part ``compute`` of the table: training passes until a search reaches a fixed score."""

import importlib
import sys
from pathlib import Path

from benchmarks.measurement import Measurement
from data.plume_settings import PlumeSettings
from data.plumes import simulate
from data.simulated_file import write
from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.config_file import load_config

CONFIGS = PROJECT / "configs"
TRAININGS = Path(__file__).resolve().parent / "results" / "trainings"
"""Cache of trainings: an interrupted comparison continues from it, and after a change of our search
the others are not trained again. The folder may be deleted."""
QUICKSTART, PLUMES = CONFIGS / "quickstart.yaml", CONFIGS / "plumes.yaml"
SEEDS = 5
LENGTH = ("training.epochs=12",)
"""Every search trains as long, whatever it searches by."""


def measure(*, short: bool = False) -> list[Measurement]:
    """Return the lines of this part.

    Args:
        short: Whether one seed of two epochs and three trials is enough.
    """
    compute = importlib.import_module("benchmarks.compute.measuring")

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if short:
        changes = ["training.epochs=2"]
        lines: list[Measurement] = compute.measure(
            QUICKSTART, range(1), overrides=changes, cap=3, say=say
        )
        return lines
    _make_plumes()
    return [
        line
        for config in (QUICKSTART, PLUMES)
        for line in compute.measure(
            config, range(SEEDS), overrides=LENGTH, cache=TRAININGS, say=say
        )
    ]


def _make_plumes() -> None:
    """Simulate the data of the second configuration, if the file does not exist."""
    path = Path(str(load_config(PLUMES).config.data.path))
    if not path.exists():
        write(simulate(PlumeSettings()), path)
