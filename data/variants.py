"""Variants of a field: fewer frames, a coast, a trend, a unit with another zero.

A variant asks whether what is said of a field depends on what should not matter to it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from .coast import sea_mask
from .setting_ranges import Ranges, check_ranges
from .simulated_file import write

_RANGES: Ranges = MappingProxyType(
    {
        "frames": (0, 10_000_000),
        "coast": (0.0, 0.9),
        "trend": (-100.0, 100.0),
        "offset": (-1e6, 1e6),
        "seed": (0, 2**63 - 1),
    }
)
TIME = "time"


@dataclass(frozen=True)
class Variant:
    """Changes of a field; the defaults change nothing.

    Attributes:
        frames: How many of its first frames are kept; 0 keeps all.
        coast: Share of the grid's cells that become missing, beyond a wavy line along a side.
        trend: Rise from the first to the last frame, the same in every cell, in standard deviations
            of the field (over time, mean over cells).
        offset: Added to every value, in the field's unit.
        seed: Seed of the coast.

    Raises:
        ValueError: A value is no number or outside its range.
    """

    frames: int = 0
    coast: float = 0.0
    trend: float = 0.0
    offset: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)


def vary(dataset: xr.Dataset, name: str, variant: Variant) -> xr.Dataset:
    """Return a dataset with the variable alone, changed; all attributes are kept.

    The frames are cut first, so that the trend spans those that are left.

    Args:
        dataset: With a dimension ``time``; the variable has two more, the grid's.
        name: Of the variable.
        variant: The changes.

    Raises:
        ValueError: The dataset has no such variable, it is not on a grid over time, or it has
            fewer frames.
    """
    if name not in dataset:
        present = ", ".join(map(str, dataset.data_vars))
        raise ValueError(f"there is no variable {name!r} in the file: it has {present}.")
    field = dataset[[name]]
    dimensions = field[name].dims
    if len(dimensions) != 3 or dimensions[0] != TIME:
        found = ", ".join(map(str, dimensions))
        raise ValueError(
            f"{name} must have dimensions time, rows, columns, found {found}: choose another."
        )
    if variant.frames > field.sizes[TIME]:
        raise ValueError(
            f"frames must be at most the {field.sizes[TIME]} of the file, found {variant.frames}."
        )
    if variant.frames:
        field = field.isel({TIME: slice(variant.frames)})
    values_TYX = field[name].to_numpy()
    frames, *grid = values_TYX.shape
    valid_YX = np.isfinite(values_TYX).any(axis=0)
    spread = float(np.nanstd(values_TYX[:, valid_YX], axis=0, dtype=np.float64).mean())
    rise_T = variant.trend * spread * np.linspace(0.0, 1.0, frames)
    changed_TYX = (values_TYX + rise_T[:, None, None] + variant.offset).astype(values_TYX.dtype)
    shape = grid[0], grid[1]
    changed_TYX[:, sea_mask(np.random.default_rng(variant.seed), shape, variant.coast)] = np.nan
    result = field.assign({name: field[name].copy(data=changed_TYX)}).drop_encoding()
    changes = ", ".join(f"{k} {v}" for k, v in asdict(variant).items() if v and k != "seed")
    return result.assign_attrs(variant=f"data/variants.py: {changes or 'nothing'} changed")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed; wrong use exits with 2."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.variants", description="Vary a field."
    )
    parser.add_argument("input", type=Path, help="netCDF file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="netCDF file to write")
    parser.add_argument("--variable", required=True, help="its field")
    words = {
        "frames": "of its first frames, how many are kept; 0 for all",
        "coast": "share of cells that become sea",
        "trend": "rise over the series in standard deviations",
        "offset": "added to every value",
        "seed": "of the coast, 0 or more",
    }
    for field in fields(Variant):
        kind = type(field.default)
        parser.add_argument(
            f"--{field.name}", type=kind, default=field.default, help=words[field.name]
        )
    args = parser.parse_args(argv)
    if not args.output.parent.is_dir():
        parser.error(f"the folder {args.output.parent} of the output is missing: create it first.")
    try:
        variant = Variant(**{name: getattr(args, name) for name in words})
        with xr.open_dataset(args.input, engine="h5netcdf") as dataset:
            varied = vary(dataset.load(), args.variable, variant)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot read {args.input} ({error}): name a netCDF4 file.")
    try:
        write(varied, args.output)
    except OSError as error:
        print(f"cannot write {args.output} ({error}): choose another place.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
