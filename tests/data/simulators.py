"""What the tests of several simulators look at."""

import numpy as np
import torch
from numpy.typing import NDArray

from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.settings import DataSettings
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.linear_forecast import fit_linear_forecast


def shares_of_a_linear_forecast(path: str, stride: int = 2) -> tuple[float, float]:
    """Return gradient and peak above the mean of a least-squares forecast, over the observed."""
    settings = DataSettings(path=path, history=4, horizon=3, stride=stride, train_every=2)
    data = load_forecast_data(settings)
    forecast = fit_linear_forecast(data.train, torch.as_tensor(data.mask_HW), seed=0)
    found = Evaluator(data, data.validation).evaluate(forecast).overall
    above = found["peak_observed"] - found["mean_observed"]
    return (
        found["gradient"] / found["gradient_observed"],
        (found["peak"] - found["mean_observed"]) / above,
    )


def lag_correlation(field_TYX: NDArray[np.float32], lag: int) -> float:
    """Return the correlation of all values with those some frames later."""
    return float(np.corrcoef(field_TYX[:-lag].ravel(), field_TYX[lag:].ravel())[0, 1])
