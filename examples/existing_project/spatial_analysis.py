"""How sharp a forecast is: mean gradient, mean peak and error, beside the truth."""

from pathlib import Path

import config
import numpy as np
import xarray as xr


def mean_gradient(field):
    """Return the mean length of the gradient by Sobel's operator over 8, where it is known."""
    padded = field
    across = padded[:, :, 2:] - padded[:, :, :-2]
    down = padded[:, 2:, :] - padded[:, :-2, :]
    x = (across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]) / 8
    y = (down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]) / 8
    return float(np.nanmean(np.hypot(x, y)))


def analyse(forecast, truth):
    """Return what is looked at, for a forecast and a truth of the same frames."""
    return {
        "gradient": mean_gradient(forecast),
        "gradient_observed": mean_gradient(truth),
        "peak": float(np.nanmax(forecast, axis=(1, 2)).mean()),
        "peak_observed": float(np.nanmax(truth, axis=(1, 2)).mean()),
        "rmse": float(np.sqrt(np.nanmean((forecast - truth) ** 2))),
    }


def main():
    output = Path(config.OUTPUT_DIR)
    fields = {}
    for name in ("forecast", "truth"):
        with xr.open_dataset(output / f"{name}.nc", engine="h5netcdf") as dataset:
            fields[name] = dataset[config.VARIABLE].values
    for name, value in analyse(**fields).items():
        print(f"{name}: {value:.4e}")


if __name__ == "__main__":
    main()
