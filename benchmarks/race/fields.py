"""The fields that the race is run on, each with the training that its table holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fields.rows import RAIN, TEMPERATURE, TEMPERATURE_WINDOWS, UK
from benchmarks.fields.sources import Source
from data.plume_settings import PlumeSettings
from data.shower_settings import ShowerSettings
from fieldsharp.core.checkout import PROJECT
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig

EPOCHS = 12
RUNGS = (1, 3, 6)
"""Epochs after which sharpeners are tried, beside the last: those at which a search may compare."""
SMALL = 32
"""Cells along a side of simulated fields."""
SEARCH_SPACE_OF = "quickstart"
"""The shipped configuration whose search space all fields have."""


@dataclass(frozen=True)
class RaceField:
    """A field of the race.

    Attributes:
        name: Of its table.
        source: The field.
        epoch_windows: Training windows of an epoch, the same number of steps on every field or so.
        changes: Windows and splits in place of the quickstart's.
    """

    name: str
    source: Source
    epoch_windows: int
    changes: Sequence[str] = ()

    def config(self, given: Path, work: Path) -> SweepConfig:
        """Return the sweep of the field; every training of it is as long.

        Args:
            given: Folder of the fields that are not shipped.
            work: Where the file of a simulated field is made.

        Raises:
            MissingFile: If its file is not there.
        """
        path = self.source.path(given, work)
        settings = (
            f"data.path={path}",
            *self.changes,
            "training.length=fixed",
            f"training.epochs={EPOCHS}",
            f"training.epoch_windows={self.epoch_windows}",
        )
        shipped = PROJECT / "configs" / f"{SEARCH_SPACE_OF}.yaml"
        return load_config(shipped, settings).config


FIELDS: tuple[RaceField, ...] = (
    RaceField("humidity", Source(UK), 498),
    RaceField(
        "plumes",
        Source(PlumeSettings(size=SMALL)),
        304,
        ("data.variable=null", "data.score_every=2"),
    ),
    RaceField(
        "showers",
        Source(ShowerSettings(size=SMALL)),
        498,
        ("data.variable=null", "data.train_every=1", "data.score_every=2"),
    ),
    RaceField(
        "rain",
        Source(RAIN),
        297,
        (
            *("data.variable=rain", "data.stride=3", "data.horizon=2", "data.history=2"),
            *("data.train_every=1", "data.split.train=0.5", "data.split.validation=0.25"),
            "data.split.test=0.25",
        ),
    ),
    RaceField("temperature", Source(TEMPERATURE), 448, TEMPERATURE_WINDOWS),
)
