"""The file of a field: simulated, shipped or in a folder of the user's, and perhaps varied."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from data import drift, plumes, showers
from data.drift_settings import DriftSettings
from data.plume_settings import PlumeSettings
from data.shower_settings import ShowerSettings
from data.simulated_file import write
from data.variants import Variant, vary
from fieldsharp.core.checkout import PROJECT


class MissingFile(Exception):
    """The file of a field is not there; the message says where it was looked for."""


@dataclass(frozen=True)
class Stored:
    """A field that is stored in a file.

    Attributes:
        file: Path in the checkout, or name in the folder of the user's.
        variable: The field in it.
        is_shipped: Whether it is in the checkout.
    """

    file: str
    variable: str
    is_shipped: bool = True


Origin = PlumeSettings | ShowerSettings | DriftSettings | Stored


@dataclass(frozen=True)
class Source:
    """Where a field comes from.

    Attributes:
        origin: Parameters of a simulator, or a file.
        variant: Changes of it; None for none.
    """

    origin: Origin
    variant: Variant | None = None

    @property
    def is_here(self) -> bool:
        """Whether its file comes along or can be made."""
        return not isinstance(self.origin, Stored) or self.origin.is_shipped

    def path(self, given: Path, work: Path) -> Path:
        """Return the file of the field, which is made unless it is stored as it is.

        Args:
            given: Folder of the fields that are not shipped.
            work: Where a file is made.

        Raises:
            MissingFile: If a stored one is not there.
        """
        stored = None
        if isinstance(self.origin, Stored):
            stored = (PROJECT if self.origin.is_shipped else given) / self.origin.file
            if not stored.is_file():
                raise MissingFile(f"there is no {stored}: name its folder with --folder")
            if self.variant is None:
                return stored
            with xr.open_dataset(stored, engine="h5netcdf") as opened:
                dataset = opened.load()
        else:
            dataset = _simulated(self.origin)
        if self.variant is not None:
            dataset = vary(dataset, self._variable(dataset), self.variant)
        made = work / "field.nc"
        write(dataset, made)
        return made

    def _variable(self, dataset: xr.Dataset) -> str:
        if isinstance(self.origin, Stored):
            return self.origin.variable
        return str(next(iter(dataset.data_vars)))


def _simulated(settings: PlumeSettings | ShowerSettings | DriftSettings) -> xr.Dataset:
    match settings:
        case PlumeSettings():
            return plumes.simulate(settings)
        case ShowerSettings():
            return showers.simulate(settings)
        case DriftSettings():
            return drift.simulate(settings)


def values_sha256(path: Path) -> str:
    """Return the SHA-256 of the values of a netCDF file, whatever its compression and metadata."""
    digest = hashlib.sha256()
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        for name in sorted(map(str, dataset.variables)):
            values = dataset[name].to_numpy()
            digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


CODE = ("core", "fields", "model", "objectives", "storage", "sweep", "configs", "data")
SUFFIXES = (".py", ".yaml")


def code_sha256() -> str:
    """Return the SHA-256 of the code and configurations that a result depends on."""
    digest = hashlib.sha256()
    files = [
        PROJECT / "run_sweep.py",
        *(file for folder in CODE for file in (PROJECT / folder).rglob("*")),
    ]
    for file in sorted(file for file in files if file.suffix in SUFFIXES):
        digest.update(f"{file.relative_to(PROJECT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
