"""Inputs that follow from the time alone: hour of the day, day of the year, height of the sun.

Shape legend: B batch, T frames, N all frames, C channel, H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from fieldsharp.core.errors import DataError
from fieldsharp.fields.coordinates.grid_geometry import cell_angles
from fieldsharp.fields.frames import Frames
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.settings import DAY_OF_YEAR, FROM_TIME, HOUR_OF_DAY, DataSettings

Tensor = torch.Tensor
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cycle:
    """Sine and cosine of a phase, between 0 and 1, the same in all cells: two channels."""

    phase_N: Tensor
    height: int
    width: int

    @property
    def shape(self) -> torch.Size:
        """Frames, channels, rows and columns."""
        return torch.Size((len(self.phase_N), 2, self.height, self.width))

    def take(self, index_BT: Tensor) -> Tensor:
        """Return the frames with these indices [B, T, C, H, W]."""
        turn_BT = 2.0 * torch.pi * self.phase_N[index_BT]
        pair_BTC = torch.stack([torch.sin(turn_BT), torch.cos(turn_BT)], dim=-1)
        unit_BTC = (0.5 + 0.5 * pair_BTC).float()
        return unit_BTC[..., None, None].expand(*unit_BTC.shape, self.height, self.width)


@dataclass(frozen=True)
class SolarZenith:
    """Cosine of the angle between the sun and the zenith, 0 at night: one channel.

    sin(lat) sin(d) + cos(lat) cos(d) cos(h) with the declination d of the sun and its hour angle h.

    Attributes:
        declination_N: In radians.
        hour_angle_N: At Greenwich, in radians.
        latitude_HW, longitude_HW: In radians.
    """

    declination_N: Tensor
    hour_angle_N: Tensor
    latitude_HW: Tensor
    longitude_HW: Tensor

    @property
    def shape(self) -> torch.Size:
        """Frames, channels, rows and columns."""
        return torch.Size((len(self.declination_N), 1, *self.latitude_HW.shape))

    def take(self, index_BT: Tensor) -> Tensor:
        """Return the frames with these indices [B, T, C, H, W]."""
        declination = self.declination_N[index_BT][..., None, None, None]
        hour_angle = self.hour_angle_N[index_BT][..., None, None, None] + self.longitude_HW
        cosine_BTCHW = torch.sin(self.latitude_HW) * torch.sin(declination) + torch.cos(
            self.latitude_HW
        ) * torch.cos(declination) * torch.cos(hour_angle)
        return cosine_BTCHW.clamp(min=0.0).float()


def forcing_frames(
    settings: DataSettings,
    time_N: npt.NDArray[Any],
    series: FieldSeries,
    known_ahead: Sequence[Frames],
    device: torch.device | str,
) -> list[Frames]:
    """Return the channels of all forcings, in the order of the settings.

    Args:
        settings: Which forcings.
        time_N: Time of each frame, UTC.
        series: A series on the grid.
        known_ahead: Those that are variables, in their order.
        device: Where channels are computed.

    Raises:
        DataError: As ``forcing_from_time``.
    """
    variables = iter(known_ahead)
    return [
        forcing_from_time(name, time_N, series, device) if name in FROM_TIME else next(variables)
        for name in settings.forcings
    ]


def forcing_from_time(
    name: str, time_N: npt.NDArray[Any], series: FieldSeries, device: torch.device | str
) -> Frames:
    """Return the channels of a forcing that follows from the time.

    Args:
        name: One of ``FROM_TIME``.
        time_N: Time of each frame, UTC.
        series: A series on the grid.
        device: Where the channels are computed.

    Raises:
        DataError: If time has no dates, or the grid no latitudes and longitudes where they matter.
    """
    if not series.is_dated:
        raise DataError(
            f"data.forcings names {name}, which follows from dates, and the time of "
            f"{series.name!r} is numbers without dates; leave it out, or give the time units such "
            "as 'hours since 2020-01-01'"
        )
    height, width = series.mask_HW.shape
    day_N, year_N = _share_of_day(time_N), _share_of_year(time_N)
    if name == HOUR_OF_DAY:
        return Cycle(torch.from_numpy(day_N).to(device), height, width)
    if name == DAY_OF_YEAR:
        return Cycle(torch.from_numpy(year_N).to(device), height, width)
    angles = cell_angles(series.grid, series.dims)
    if angles is None:
        raise DataError(
            f"data.forcings names {name}, which needs the latitude and longitude of each cell, and "
            f"the grid of {series.name!r} has none in degrees; leave it out, or add them to the "
            "file"
        )
    known_HW = np.abs(angles[0]) <= 90.0
    known_HW &= np.isfinite(angles[1])
    if (series.mask_HW & ~known_HW).any():
        raise DataError(
            f"data.forcings names {name}, and {int((series.mask_HW & ~known_HW).sum())} cells with "
            f"values of {series.name!r} have no valid latitude and longitude; leave it out, or "
            "correct the coordinates of the file"
        )
    declination_N, ahead_h_N = _sun(year_N)
    hour_angle_N = 2.0 * np.pi * (day_N - 0.5 + ahead_h_N / 24.0)
    return SolarZenith(
        *(torch.from_numpy(a).to(device) for a in (declination_N, hour_angle_N)),
        *(torch.from_numpy(np.where(known_HW, np.radians(a), 0.0)).to(device) for a in angles),
    )


def _share_of_day(time_N: npt.NDArray[Any]) -> Array:
    clock = xr.DataArray(time_N, dims="time").dt
    seconds = clock.hour * 3600.0 + clock.minute * 60.0 + clock.second
    return np.asarray(seconds.values / 86_400.0, dtype=np.float64)


def _share_of_year(time_N: npt.NDArray[Any]) -> Array:
    clock = xr.DataArray(time_N, dims="time").dt
    days = clock.dayofyear.values - 1 + _share_of_day(time_N)
    return np.asarray(days / clock.days_in_year.values, dtype=np.float64)


def _sun(share_of_year_N: Array) -> tuple[Array, Array]:
    """Return the declination of the sun in radians, and how far it is ahead of the clock in hours.

    Fourier series of Spencer 1971, Search 2 (5), 172, as printed by Iqbal 1983,
    https://doi.org/10.1016/B978-0-12-373750-2.50006-9, to 0.04 degrees and half a minute.
    """
    turn = 2.0 * np.pi * share_of_year_N
    sine, cosine = np.sin(turn), np.cos(turn)
    sine_2, cosine_2 = np.sin(2.0 * turn), np.cos(2.0 * turn)
    declination = (
        *(0.006918 - 0.399912 * cosine + 0.070257 * sine, -0.006758 * cosine_2, 0.000907 * sine_2),
        *(-0.002697 * np.cos(3.0 * turn), 0.00148 * np.sin(3.0 * turn)),
    )
    ahead = (
        *(0.000075 + 0.001868 * cosine - 0.032077 * sine, -0.014615 * cosine_2),
        -0.040849 * sine_2,
    )
    return np.sum(declination, axis=0), np.sum(ahead, axis=0) * 12.0 / np.pi
