"""``fieldsharp.load`` and ``fieldsharp.train``: a trained net, and forecasts from it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.config_file import as_overrides
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.execution.leftover_processes import kill_leftovers
from fieldsharp.sweep.interface.display import block, pairs
from fieldsharp.sweep.interface.execution import kernel_settings_kept
from fieldsharp.sweep.interface.given_data import Data, Field, given_fields, given_path, write_given
from fieldsharp.sweep.interface.given_settings import Settings, given_config, texts
from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.prediction import forecast_of_length
from fieldsharp.sweep.results.run_folder import METRICS, TrainedRun, load_run, make_run_folder
from fieldsharp.sweep.results.train_run import train_into

SHOWN = ("gradient", "gradient_observed", "peak", "peak_observed", "rmse", "skill_persistence")


class Run:
    """A trained net in a run folder.

    Attributes:
        folder: The run folder.
        metrics: Of its forecasts on the validation split, physical units.
    """

    def __init__(self, folder: Path, trained: TrainedRun, metrics: Mapping[str, float]) -> None:
        self.folder = folder
        self.metrics = metrics
        self._trained = trained

    @property
    def settings(self) -> RunSettings:
        """All settings of the training."""
        return self._trained.run

    def predict(
        self,
        steps: int | None = None,
        data: Field | None = None,
        *,
        days: int | None = None,
        after: object | None = None,
        sharpening: str | None = None,
        members: int | None = None,
        seed: int | None = None,
    ) -> xr.Dataset:
        """Return the frames that follow the last known one, as ``predict -o`` writes them.

        Args:
            steps: Frames to predict.
            data: Other data than the run was trained on: a file or an xarray object.
            days: In place of steps.
            after: Time of the last known frame; by default the last of the data.
            sharpening: none for the forecast of the net as it is, without its last step.
            members: Of an ensemble, along a dimension ``realization``; by default one member
                without it.
            seed: That members are drawn with; by default that of the training.

        Raises:
            FieldsharpError: If the data cannot be used, or is another field, or members are asked
                of a net that draws none.
        """
        if (steps is None) == (days is None) or (steps or days or 0) < 1:
            raise ConfigError(
                f"give either steps or days, the length of the forecast, as a number from 1; found "
                f"steps={steps} and days={days}"
            )
        asked = MembersAsked(members, seed)
        with given_fields() as given, kernel_settings_kept():
            torch.set_num_threads(self._trained.run.training.threads)
            path = None
            if data is not None:
                if isinstance(data, str | os.PathLike):
                    path = given_path(data)
                else:
                    path = str(given.path("data", data))
            when = None if after is None else str(after)
            return forecast_of_length(self._trained, steps, days, path, when, sharpening, asked)

    def __repr__(self) -> str:
        return f"<run {self.folder}: {self.settings.predictor.name}, {self._figures()}>"

    def _repr_html_(self) -> str:
        shown = {name: self.metrics[name] for name in SHOWN if name in self.metrics}
        figures = {**shown, "sharpener": self.settings.sharpening.name}
        return block(f"{self.settings.predictor.name} in {self.folder}", pairs(figures))

    def _figures(self) -> str:
        return ", ".join(f"{n} {self.metrics[n]:.4g}" for n in SHOWN[:-1] if n in self.metrics)


def load(run_folder: str | os.PathLike[str]) -> Run:
    """Load a run folder, as ``train`` writes it.

    Raises:
        FieldsharpError: If it is none, or is incomplete.
    """
    folder = Path(run_folder).expanduser()
    with kernel_settings_kept():
        trained = load_run(folder)
    return Run(folder, trained, json.loads((folder / METRICS).read_text(encoding="utf-8")))


def train(
    config: str | os.PathLike[str] | Mapping[str, Any],
    run_folder: str | os.PathLike[str],
    data: Data | None = None,
    *,
    set: Settings = (),
) -> Run:
    """Train one exported or written configuration into a run folder.

    Args:
        config: A YAML file, or a mapping of settings as in such a file.
        run_folder: A new folder.
        data: In place of ``data.path``: a file, or an xarray object, which is kept in the folder.
        set: Any other setting, as ``{"training.epochs": 20}``.

    Raises:
        FieldsharpError: If the configuration, data or folder cannot be used, or it diverges.
    """
    folder = Path(run_folder).expanduser()
    overrides = texts(set)
    if data is not None:
        overrides += as_overrides({"data.path": _path_of(data, folder)})
    with kernel_settings_kept(), kill_leftovers():
        train_into(given_config(config, overrides, one_training=True), folder)
    return load(folder)


def _path_of(data: Data, folder: Path) -> str:
    if isinstance(data, str | os.PathLike):
        return given_path(data)
    make_run_folder(folder)
    path = folder.resolve() / "data.nc"
    write_given("data", data, path)
    return str(path)
