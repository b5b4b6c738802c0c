"""A run folder: the files of one training, complete enough to forecast from.

config.yaml          every setting, as an export writes it
weights.safetensors  the predictor's weights
field.json           scaling between physical units and the network's, units, time step, shape
history.csv          losses after each epoch, and metrics of the predictor as it is
metrics.json         metrics on the validation split after the last epoch, with the sharpener
sharpener.json, sharpener.safetensors
                     the sharpener by name, and what was fitted; absent where there is none

Only this user can read the folder: a trained net reveals details of its training data.
"""

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.program_name import program
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.scaling import ScaledVariable
from fieldsharp.fields.series import FieldSeries
from fieldsharp.fields.variables import grid_of
from fieldsharp.model.checkpoint import load_weights, save_weights
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.storage.durable_files.atomic import make_private_folder, write_durably
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.results.field_metadata import (
    Coordinate,
    FieldMetadata,
    mask_as_text,
    read_field_metadata,
)
from fieldsharp.sweep.results.saved_sharpener import (
    DESCRIPTION,
    TENSORS,
    load_sharpener,
    save_sharpener,
)
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.trials.sharpening import region_of

CONFIG = "config.yaml"
WEIGHTS = "weights.safetensors"
FIELD = "field.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    SafetensorError,
)
"""Exceptions raised by reading damaged files, or files of another program."""


def make_run_folder(folder: Path) -> None:
    """Make the folder of a run, private to this user; an existing one keeps its mode.

    Raises:
        ConfigError: If it holds a run already, or cannot be made or written.
    """
    if (folder / METRICS).exists():
        raise ConfigError(
            f"{folder} holds a training already; choose another folder with -o, or remove it"
        )
    try:
        if not folder.is_dir():  # given by the user: it may be a link, or a colleague's
            make_private_folder(folder)
        # Permissions do not suffice: the file system of a folder may be read-only or full.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"cannot write into {folder} ({error.strerror}); choose another folder with -o"
        ) from error


def save_run(
    folder: Path,
    tree: dict[str, Any],
    predictor: nn.Module,
    shape: ForecastShape,
    data: ForecastData,
    reports: Sequence[EpochReport],
    sharpener: FittedSharpener | None,
) -> None:
    """Write a finished training; metrics.json last, so that it marks a complete folder.

    Raises:
        ConfigError: If it cannot be written.
    """
    facts = FieldMetadata(
        scaling=data.scaling,
        shape=shape,
        units=data.series.units,
        step_s=data.series.step_s,
        is_dated=data.series.is_dated,
        coordinates=coordinates(data.series),
        others=tuple(
            ScaledVariable(one.name, one.series.units, one.scaling) for one in data.predicted[1:]
        ),
        inputs=data.inputs,
        masks=tuple(mask_as_text(one.series.mask_HW) for one in data.predicted),
    )
    texts = {
        CONFIG: dump_yaml(tree),
        FIELD: facts.as_text(),
        HISTORY: _history(reports),
        METRICS: json.dumps(tree["metrics"], indent=2) + "\n",
    }
    try:
        save_weights(predictor, folder / WEIGHTS)
        if sharpener is not None:
            save_sharpener(folder, sharpener, *map(region_of, data.predicted))
        for name, text in texts.items():
            write_durably(folder / name, text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot write into {folder} ({error.strerror}); make room, or choose another folder "
            "with -o"
        ) from error


def _history(reports: Sequence[EpochReport]) -> str:
    file = io.StringIO(newline="")
    names = list(reports[-1].metrics)
    writer = csv.writer(file)
    writer.writerow(["epoch", "loss", "base_loss", "gradient_term", "peak_term", *names])
    for report in reports:
        losses = report.losses
        row = [report.epoch, losses.total, losses.base, losses.term, losses.peak]
        # Detail metrics exist after the last epoch only.
        writer.writerow([*row, *(report.metrics.get(name, "") for name in names)])
    return file.getvalue()


@dataclass(frozen=True, kw_only=True)
class TrainedRun(FieldMetadata):
    """A loaded run folder, with the properties of the field it was trained on.

    Attributes:
        predictor: In evaluation mode, with its weights.
        sharpener: Applied to its forecasts; None where there is none.
    """

    run: RunSettings
    predictor: nn.Module
    sharpener: FittedSharpener | None


def coordinates(series: FieldSeries) -> dict[str, Coordinate]:
    """Return the y and x coordinates of a series as plain numbers, where it has them.

    Those of a curved grid are rounded to single precision, with as few digits as that needs.
    """
    found = {series.dims[axis]: series.coordinate(axis) for axis in (1, 2)}
    straight = {name: values.tolist() for name, values in found.items() if values is not None}
    curved = {
        name: [[float(str(value)) for value in row] for row in values_HW.astype(np.float32)]
        for name, values_HW in grid_of(series).curved().items()
    }
    return {**straight, **curved}


def load_run(folder: Path) -> TrainedRun:
    """Load a run folder.

    Raises:
        ConfigError: If it is no run folder, is incomplete, or its weights do not fit its settings.
    """
    needed = [CONFIG, WEIGHTS, FIELD, METRICS]
    missing = [name for name in needed if not (folder / name).is_file()]
    if not missing:
        run = load_config(folder / CONFIG, one_training=True).config.run
        has_sharpener = run.sharpening.name != NO_SHARPENER
        needed = [DESCRIPTION, TENSORS] if has_sharpener else []
        missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise ConfigError(
            f"{folder} is no finished run: {', '.join(missing)} missing; make one with "
            f"{program()} train CONFIG -o {folder}"
        )
    try:
        facts = read_field_metadata(folder / FIELD, run.data)
        predictor = build_predictor(run.predictor, facts.shape)
        load_weights(predictor, folder / WEIGHTS)
        sharpener = (
            load_sharpener(folder, run.sharpening.name, run.data.horizon, len(run.data.predicted))
            if has_sharpener
            else None
        )
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"{folder} cannot be loaded ({type(error).__name__}: {reason}); train it again"
        ) from error
    predictor.eval()
    torch.set_num_threads(run.training.threads)
    return TrainedRun(run=run, predictor=predictor, sharpener=sharpener, **vars(facts))
