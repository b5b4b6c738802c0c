"""Nets of libraries beside ours, on fields: ``python -m benchmarks.library_nets``.

    python -m benchmarks.library_nets [--fields humidity ...] [--nets FNO ...] [--folder FOLDER]

Each net is swept with two trials: the baseline, of a length that is found, and ``amse_mix`` at
weight 1 with as many epochs. No sharpener is tried. A row of Markdown is printed for each, of the
validation split: RMSE as a share of that of ``unet`` on the same field, gradient and peak (above
the observed mean) as shares of the observed. The nets of usual public forms are those of the tests.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

import fieldsharp
from benchmarks.fields.results import Sharpness
from benchmarks.fields.rows import ROWS, Row
from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_record
from fieldsharp.sweep.trials.trial import forecast_shape

FIELDS = ("humidity", "temperature", "rain")
LOSSES = ("mse", "amse_mix")
OURS = "unet"
TESTS = "tests.model.predictors.nets"
Options = Mapping[str, Any]
FROM_PERSISTENCE: Mapping[str, tuple[str, Options]] = {
    OURS: ("unet", {}),
    "FNO": (
        "image",
        {"module": "neuralop.models:FNO", "arguments": {"n_modes": [8, 8], "hidden_channels": 16}},
    ),
    "UNO": (
        "image",
        {
            "module": "neuralop.models:UNO",
            "arguments": {
                "hidden_channels": 12,
                "n_layers": 3,
                "channel_mlp_skip": "linear",
                "uno_out_channels": [12, 16, 12],
                "uno_n_modes": [[8, 8], [6, 6], [8, 8]],
                "uno_scalings": [[1.0, 1.0], [0.5, 0.5], [2.0, 2.0]],
            },
        },
    ),
    "public U-Net": ("image", {"module": f"{TESTS}:PublicUNet", "arguments": {"features": 12}}),
    "two Conv3d": (
        "video",
        {"module": f"{TESTS}:conv3d", "order": "BCTHW", "arguments": {"hidden": 8}},
    ),
    "two ConvLSTM": (
        "video",
        {
            "module": f"{TESTS}:ConvLSTM",
            "inputs_as": "input_dim",
            "arguments": {"hidden_dim": [8, "{outputs}"], "kernel_size": {"tuple": [3, 3]}},
        },
    ),
}
RANDOM = " from random weights"
NETS: Mapping[str, tuple[str, Options]] = {
    **FROM_PERSISTENCE,
    **{
        f"{name}{RANDOM}": (predictor, {**options, "from_persistence": False})
        for name, (predictor, options) in FROM_PERSISTENCE.items()
        if name != OURS
    },
}


def config_of(net: str, row: Row, path: Path) -> SweepConfig:
    """Return the sweep of a net on a field: the baseline and one trial."""
    name, options = NETS[net]
    settings = {
        "study": "net",
        "plugins": ["neuralop", "tests"],
        "predictor": {"name": name, "options": options},
        "data.path": str(path),
        "sharpening.name": "none",
        "search.presets": "baseline",
        "search.space": {
            "loss_variant": {"choices": ["amse_mix"]},
            "gradient_weight": {"choices": [1.0]},
            "multi_step": {"choices": ["all"]},
        },
        "budget.trials": 2,
        "budget.stop_on_nothing_to_fix": False,
        "workers.count": 1,
    }
    changes = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    path = PROJECT / "configs" / f"{row.config}.yaml"
    return load_config(path, [*changes, *row.changes]).config


def trials_of(config: SweepConfig, work: Path) -> Iterator[tuple[str, TrialRecord]]:
    """Run the sweep; yield the trial of each loss."""
    with fieldsharp.sweep(config, storage=work / "net.db", quiet=True).opened() as study:
        records = [trial_record(trial) for trial in study.get_trials(deepcopy=False)]
    for loss, record in zip(LOSSES, records, strict=True):
        assert record is not None, "a sweep that returned has its trials"
        yield loss, record


def trained_numbers(config: SweepConfig, data: ForecastData) -> int:
    """Return how many real numbers of the net are trained."""
    net = build_predictor(config.predictor, forecast_shape(data, config))
    return sum(p.numel() * (2 if p.is_complex() else 1) for p in net.parameters())


def main() -> None:
    """Run the nets on the fields, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", nargs="+", default=FIELDS, choices=[row.name for row in ROWS])
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--folder", type=Path, default=Path(), help="of fields not shipped")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print("| field | net | numbers | loss | epochs | RMSE | gradient | peak |")
    print("|---|---|---|---|---|---|---|---|")
    for row in (row for row in ROWS if row.name in chosen.fields):
        ours = None
        for net in dict.fromkeys([OURS, *chosen.nets]):
            with tempfile.TemporaryDirectory() as work:
                config = config_of(net, row, row.source.path(chosen.folder, Path(work)))
                count = trained_numbers(config, load_forecast_data(config.data))
                for loss, trial in trials_of(config, Path(work)):
                    ours = ours or trial.metrics["rmse"]  # of the first, unet with mse
                    sharpness = Sharpness.of(trial.metrics)
                    print(
                        f"| {row.name} | {net} | {count} | {loss} | {trial.epochs} | "
                        f"{trial.metrics['rmse'] / ours:.3f} | {sharpness.gradient:.3f} | "
                        f"{sharpness.peak:.3f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
