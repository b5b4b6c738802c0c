"""Draws the README's picture: observed, baseline and best forecast on one colour scale.

python run_sweep.py export quickstart --trial 0 -o baseline.yaml
python run_sweep.py export quickstart -o best.yaml
python run_sweep.py train baseline.yaml -o run-baseline
python run_sweep.py train best.yaml -o run-best
python -m docs.picture run-baseline run-best 2018-07-16T06 docs/images/quickstart.png
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch

from fieldsharp.fields.reading import read_series
from fieldsharp.fields.series import FieldSeries
from fieldsharp.objectives.sharpness import mean_gradient, peak
from fieldsharp.sweep.results.prediction import forecast
from fieldsharp.sweep.results.run_folder import load_run

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(baseline: Path, best: Path, after: str, output: Path) -> None:
    """Draw three maps of the last lead and save them.

    Args:
        baseline: Run folder of the baseline.
        best: Run folder of the best trial.
        after: Time of the last known frame.
        output: PNG file.
    """
    trained = load_run(baseline)
    settings = trained.run.data
    forecasts = [forecast(load_run(run), settings.horizon, after=after) for run in (baseline, best)]
    series = read_series(settings)
    frame = int(np.flatnonzero(series.time == forecasts[0].time[-1])[0])
    fields = [series.values_TCHW[frame, 0], *(f.values_TCHW[-1, 0] for f in forecasts)]
    titles = ["observed", "baseline: MSE alone", "best of the sweep"]
    y, x = (np.asarray(series.grid[name].values, dtype=float) for name in series.dims[1:])
    inside = np.concatenate([field[series.mask_HW] for field in fields])
    figure, axes = plt.subplots(1, 3, figsize=(11, 4.4), sharey=True, layout="constrained")
    for axis, title, field in zip(axes, titles, fields, strict=True):
        shown = np.where(series.mask_HW, field, np.nan)
        image = axis.pcolormesh(
            x, y, shown, vmin=inside.min(), vmax=inside.max(), cmap="viridis", shading="nearest"
        )
        axis.set_title(f"{title}\n{_sharpness(field, series)}", fontsize=10)
        axis.set_xlabel("longitude")
        axis.set_facecolor("0.9")
        axis.set_aspect(1 / np.cos(np.deg2rad(float(np.mean(y)))))
    axes[0].set_ylabel("latitude")
    lead = settings.horizon * settings.stride
    figure.colorbar(image, ax=axes, label=f"{series.name} [{series.units}]", shrink=0.85)
    figure.suptitle(f"{series.name} {lead} h ahead, valid {str(forecasts[0].time[-1])[:16]}")
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110)
    plt.close(figure)


def _sharpness(field_HW: npt.NDArray[np.float32], series: FieldSeries) -> str:
    values = torch.from_numpy(field_HW).double()[None, None, None]
    mask = torch.from_numpy(series.mask_HW)
    gradient, top = float(mean_gradient(values, mask)), float(peak(values, mask))
    return f"gradient {gradient:.3g}, peak {top:.4g}"


if __name__ == "__main__":
    _, first, second, when, target = sys.argv
    draw(Path(first), Path(second), when, Path(target))
