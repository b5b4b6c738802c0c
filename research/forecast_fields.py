"""Four fields for studies that must not be settled on one, and nets trained on them.

Two are shipped, humidity over the UK and simulated plumes; two lie in a folder of the user's, see
``WINDOWS``. A trained net is kept as its forecasts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.split import window_span
from fieldsharp.fields.windows import Windows
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator, batch_size
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial

WINDOWS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "humidity": ("quickstart", "", ("training.epochs=12",)),
    "plumes": ("plumes", "", ("training.epochs=12",)),
    "rain": (
        "quickstart",
        "knmi_rain_2010_08_26.nc",
        (
            *("data.variable=rain", "data.stride=3", "data.horizon=2", "data.history=2"),
            *("data.train_every=1", "data.split.train=0.5", "data.split.validation=0.25"),
            *("data.split.test=0.25", "training.epochs=48", "training.batch_size=4"),
        ),
    ),
    "temperature": (
        "quickstart",
        "era5_t2m_2019_03_uk.nc",
        (
            *("data.variable=t2m", "data.stride=6", "data.horizon=2", "data.train_every=1"),
            "training.epochs=24",
        ),
    ),
}
"""Of each field the shipped configuration, the file in the folder ("" for that of the
configuration) and changed settings."""
HELD_OUT = 0.18
"""Share of the training windows."""
LEAST_KEPT = 1 / 3


def field_config(name: str, folder: Path, changes: Sequence[str] = ()) -> SweepConfig:
    """Return the configuration of a field.

    Raises:
        FileNotFoundError: If its file is not there.
    """
    shipped, file, settings = WINDOWS[name]
    path = [f"data.path={folder / file}"] if file else []
    config = load_config(PROJECT / "configs" / f"{shipped}.yaml", [*path, *settings, *changes])
    if not Path(str(config.config.data.path)).is_file():
        raise FileNotFoundError(f"there is no {config.config.data.path}")
    return config.config


def without_block(data: ForecastData) -> tuple[ForecastData, Windows]:
    """Return the data with the end of its training windows held out, and those windows.

    Between both lies a gap of one window, or none where that would leave less than a third of the
    training windows. Scaling and climatology stay those of the whole training part.
    """
    starts_B = data.train.starts_B
    count = max(4, round(HELD_OUT * len(starts_B)))
    first, span = int(starts_B[-count]), window_span(data.train.settings)
    kept_B = starts_B[starts_B <= first - 2 * span]
    if len(kept_B) < LEAST_KEPT * len(starts_B):
        kept_B = starts_B[starts_B <= first - span]
    return (
        replace(data, train=replace(data.train, starts_B=kept_B)),
        replace(data.train, starts_B=starts_B[-count:]),
    )


class KnownForecasts:
    """Forecasts of a trained net for the windows of its data, looked up by their history.

    Args:
        table: Forecasts in units of the training range, by digest of the history.
    """

    def __init__(self, table: dict[str, torch.Tensor]) -> None:
        self._table = table

    def __call__(self, history_BTCHW: torch.Tensor) -> torch.Tensor:
        """Return the forecasts."""
        return torch.stack([self._table[_digest(history)] for history in history_BTCHW])

    @classmethod
    def of(
        cls, run: RunSettings, data: ForecastData, parts: Sequence[Windows], file: Path | None
    ) -> "KnownForecasts":
        """Train a net, unless its forecasts are in the file, and write them there.

        Args:
            run: Settings of the training.
            data: What it is trained on.
            parts: Windows that are forecast, beside those of training, validation and test.
            file: NumPy's ``.npz``; None keeps nothing.
        """
        if file is not None and file.exists():
            with np.load(file, allow_pickle=False) as kept:
                keys, values = kept["keys"], torch.from_numpy(kept["values"])
            return cls(dict(zip(keys.tolist(), values, strict=True)))
        torch.set_num_threads(1)
        trial = Trial(
            run,
            data,
            find_hardware(run.training),
            Evaluator(data, data.validation),
            judged_every_epoch=False,
            sharpening=SharpeningPlan(()),
        )
        list(trial.epochs())
        table = {}
        trial.predictor.eval()
        with torch.no_grad():
            for windows in (data.train, data.validation, data.test, *parts):
                for history_BTCHW, _ in windows.in_order(batch_size(windows)):
                    for history, forecast in zip(
                        history_BTCHW, trial.predictor(history_BTCHW), strict=True
                    ):
                        table[_digest(history)] = forecast
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            values_BTCHW = torch.stack(list(table.values())).numpy()
            np.savez_compressed(file, keys=np.array(list(table)), values=values_BTCHW)
        return cls(table)


def _digest(history_TCHW: torch.Tensor) -> str:
    return hashlib.sha256(history_TCHW.contiguous().numpy().tobytes()).hexdigest()
