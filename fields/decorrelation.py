"""How many independent samples a series of correlated frames holds.

Shape legend: T samples in time order, N valid cells of all channels.
"""

import torch

Tensor = torch.Tensor
MOST_CELLS = 500
LEAST_SAMPLES = 8
"""Fewer do not tell how they are correlated, and are taken for one."""


def thinned(values_TN: Tensor) -> Tensor:
    """Return about 500 of the cells, evenly spread."""
    return values_TN[:, :: max(1, -(-values_TN.shape[1] // MOST_CELLS))]


def independent_samples(values_TN: Tensor) -> float:
    """Return the number of samples over the number in which the field decorrelates.

    T / (1 + 2 sum over lags k of (1 - k / T) r_k), r_k the autocorrelation of departures from each
    cell's mean over the samples, averaged over cells, up to the first lag where it is not above 0
    (Bayley and Hammersley 1946, doi 10.2307/2983560). Between 1 and T; 1 for a constant field, and
    for fewer than eight samples.

    Raises:
        ValueError: If there is no sample.
    """
    samples = len(values_TN)
    if samples == 0:
        raise ValueError("of no sample no number of independent ones can be computed")
    anomalies_TN = (values_TN - values_TN.mean(dim=0)).double()
    variance = float(anomalies_TN.square().mean())
    if samples < LEAST_SAMPLES or not variance > 0.0:
        return 1.0
    in_which_it_decorrelates = 1.0
    for lag in range(1, samples):
        product = float((anomalies_TN[lag:] * anomalies_TN[:-lag]).mean())
        if product <= 0.0:
            break
        in_which_it_decorrelates += 2.0 * (1.0 - lag / samples) * product / variance
    return min(float(samples), max(1.0, samples / in_which_it_decorrelates))
