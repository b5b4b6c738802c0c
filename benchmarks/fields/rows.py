"""The fields, and of each the verdict that is right; both were written before the first run."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from benchmarks.fields.results import Result, Said
from benchmarks.fields.sources import Source, Stored
from data.drift_settings import DriftSettings
from data.plume_settings import PlumeSettings
from data.shower_settings import ShowerSettings
from data.variants import Variant

Config = Literal["quickstart", "plumes"]


@dataclass(frozen=True)
class Right:
    """Why a verdict is right on a field.

    Attributes:
        why: The reason.
        says: Words that the verdict's own reason must have; "" for any.
    """

    why: str
    says: str = ""


@dataclass(frozen=True)
class Row:
    """A field with the verdict that a person should read.

    Attributes:
        name: Of the row.
        source: Its field.
        right: The verdicts that are right. Where there are several, which one it is depends on what
            the search finds; no other is.
        config: The shipped configuration.
        changes: Settings changed in it: windows and splits alone, and a training that is meant to
            be too short.
        trials: Of the sweep.
        top, seeds: Of the confirmation.
    """

    name: str
    source: Source
    right: Mapping[str, Right]
    config: Config = "plumes"
    changes: Sequence[str] = ()
    trials: int = 16
    top: int = 3
    seeds: int = 3

    def is_right(self, result: Result) -> bool:
        """Return whether every verdict that a user reads is right, before and after confirming.

        One before is right, too, that leaves the decision to the confirmation. A success that is
        left after the confirmation must have held in it.
        """
        *before, last = result.verdicts
        named = all(self._names(said) or "confirm" in said.advice for said in before)
        held = last.name != "success" or result.winner_holds
        return named and self._names(last) and held

    def _names(self, said: Said) -> bool:
        right = self.right.get(said.name)
        return right is not None and right.says in said.reason

    @property
    def setup_sha256(self) -> str:
        """SHA-256 of all that is run: another right verdict needs no new run."""
        run = (self.name, self.source, self.config, tuple(self.changes))
        return hashlib.sha256(repr((*run, self.trials, self.top, self.seeds)).encode()).hexdigest()


UK = Stored("data/uk_wfde5_hourly_2018_jun_jul.nc", "Qair")
TEMPERATURE = Stored("era5_t2m_2019_03_uk.nc", "t2m", is_shipped=False)
RAIN = Stored("knmi_rain_2010_08_26.nc", "rain", is_shipped=False)
TEMPERATURE_WINDOWS = ("data.variable=t2m", "data.stride=6", "data.horizon=2")
SMALL = 32
"""Cells along a side of the plumes of variants and controls."""
FEW_WINDOWS = "too few independent windows"

_CURED = {
    "success": Right(
        "blurred (0.81 of the gradient); losses that compare distributions reach both targets at "
        "less error than the best sharpener, on each of three seeds"
    )
}
_AS_HUMIDITY = {"success": Right("the humidity, which this does not change: the same verdict")}
_SHARPENED = {
    "sharpen": Right("right if no trial of this short search is ahead of the best sharpener")
}
_AS_PLUMES = {
    "sharpen": Right(
        "a function of a Gaussian field, for which the conditional mean with its amplitudes raised "
        "is the best sharp forecast: a sharpener suffices"
    ),
    "success": Right("a trained loss reaches the targets too, right if ahead by more than chance"),
}

ROWS: tuple[Row, ...] = (
    Row("humidity", Source(UK), _CURED, "quickstart", trials=24),
    Row(
        "temperature",
        Source(TEMPERATURE),
        {
            "promising": Right(
                "blurred (0.8 of the gradient), and trained longer a loss that compares "
                "distributions has 0.92 with no guard broken: most of the way"
            ),
            "success": Right("right if such a net reaches 0.95 and is ahead of the sharpeners"),
            "sharpen": Right(
                "right if the spectral sharpener, which was as good as any net, reaches the targets"
            ),
        },
        "quickstart",
        TEMPERATURE_WINDOWS,
    ),
    Row(
        "rain",
        Source(RAIN),
        {
            "promising": Right(
                "nets are possible that are better than the baseline in error, gradient, peak, "
                "fractions skill and hits, at half of its score, yet short of the targets"
            ),
            "success": Right("right if such a net reaches the targets on three seeds"),
        },
        "quickstart",
        (
            *("data.variable=rain", "data.stride=3", "data.horizon=2", "data.history=2"),
            *("data.train_every=1", "data.split.train=0.5", "data.split.validation=0.25"),
            "data.split.test=0.25",
        ),
        trials=24,
    ),
    Row("plumes", Source(PlumeSettings()), _AS_PLUMES),
    Row(
        "showers",
        Source(ShowerSettings()),
        {
            "promising": Right(
                "births and deaths blur it, and terms that compare distributions bring back part "
                "of the sharpness at a fair place: the rest cannot be known"
            ),
            "success": Right("right if a net reaches the targets and still stands where it rains"),
            "sharpen": Right("right if a sharpener reaches the targets and no net does better"),
        },
        changes=("data.train_every=1",),
    ),
    Row(
        "drift",
        Source(DriftSettings()),
        {"nothing to fix": Right("nearly all of the future is known, so the baseline is sharp")},
        trials=8,
    ),
    Row(
        "plumes, 7 steps",
        Source(PlumeSettings(size=SMALL)),
        {
            "train longer": Right(
                "after 7 steps the net is near the last frame, so it looks sharp (0.90 of the "
                "gradient), at an error a tenth above a linear forecast's"
            )
        },
        changes=("training.length=fixed", "training.epochs=1", "training.batch_size=32"),
        trials=8,
    ),
    Row(
        "temperature, 12 epochs",
        Source(TEMPERATURE),
        {
            "train longer": Right(
                "with 336 steps the net lacks amplitude at large scales and nothing below four "
                "cells, and nearly every net is behind climatology at the first rung"
            )
        },
        "quickstart",
        (*TEMPERATURE_WINDOWS, "training.length=fixed", "training.epochs=12"),
        trials=12,
    ),
    Row(
        "plumes, few frames",
        Source(PlumeSettings(frames=150, size=48)),
        {
            "sharpen": _AS_PLUMES["sharpen"],
            "success": Right(
                "provisional: what four validation windows show may be chance", FEW_WINDOWS
            ),
            "promising": Right("blurred as the plumes are, and less is learnt of fewer frames"),
            "not confirmed": Right("the winner of four windows may well lose on the next ones"),
        },
    ),
    Row(
        "humidity, a coast",
        Source(UK, Variant(coast=0.4)),
        {
            "success": Right("the humidity with 165 of its 275 cells: blurred and cured as it is"),
            **_SHARPENED,
        },
        "quickstart",
    ),
    Row(
        "plumes, a trend",
        Source(PlumeSettings(size=SMALL), Variant(trend=1.0)),
        {
            name: replace(right, why=f"the plumes: {right.why}")
            for name, right in _AS_PLUMES.items()
        },
    ),
    Row(
        "humidity, an offset",
        Source(UK, Variant(offset=1.0)),
        _AS_HUMIDITY,
        "quickstart",
        trials=24,
    ),
    Row(
        "noise",
        Source(PlumeSettings(size=SMALL, frames=400, renewal_h=0.1)),
        {
            "stuck": Right("each frame is a new one: the best forecast is each cell's mean"),
            "gamed": Right("whatever is sharp here stands in the wrong place"),
        },
        trials=8,
    ),
    Row(
        "steady wind",
        Source(PlumeSettings(size=SMALL, frames=400, renewal_h=1e6, wind_spread=0.0)),
        {
            "nothing to fix": Right("nothing is uncertain, so a trained net is sharp"),
            "train longer": Right("what blur there is comes of a net that still improves"),
        },
        trials=8,
    ),
)

_BY_NAME: Mapping[str, Row] = MappingProxyType({row.name: row for row in ROWS})

SHORT_ROWS: tuple[Row, ...] = (
    replace(_BY_NAME["humidity"], right={**_CURED, **_SHARPENED}, trials=8, seeds=2),
    replace(_BY_NAME["drift"], source=Source(DriftSettings(size=24, frames=300)), trials=4),
    replace(_BY_NAME["plumes, 7 steps"], trials=4),
    replace(
        _BY_NAME["noise"],
        source=Source(PlumeSettings(size=24, frames=300, renewal_h=0.1)),
        trials=5,
    ),
)
"""Four rows of different kinds in small: one is cured, one has nothing to fix, one is trained too
briefly, and one cannot be cured."""
