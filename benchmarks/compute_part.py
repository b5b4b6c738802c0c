"""The part of the table on compute: sample passes until a search has found what was looked for."""

import importlib
import sys
from pathlib import Path

from benchmarks.measurement import Measurement
from data.plume_settings import PlumeSettings
from data.plumes import simulate, write
from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.config_file import load_config

CONFIGS = PROJECT / "configs"
TRAININGS = Path(__file__).resolve().parent / "results" / "trainings"
"""What was trained is kept there: a comparison that was interrupted is gone on with, and one of our
searches that was changed does not train anew what the others did. The folder may be deleted."""
QUICKSTART, PLUMES = CONFIGS / "quickstart.yaml", CONFIGS / "plumes.yaml"
SEEDS = 5


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
        for line in compute.measure(config, range(SEEDS), cache=TRAININGS, say=say)
    ]


def _make_plumes() -> None:
    """Simulate what the second configuration reads, where it is not there yet."""
    path = Path(load_config(PLUMES).config.data.path)
    if not path.exists():
        write(simulate(PlumeSettings()), path)
