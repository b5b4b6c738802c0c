"""How far a mean over seeds may be from that over all seeds.

Shape legend: R draws, S seeds, K forecasts.
"""

import numpy as np

from fieldsharp.objectives.leads.window_statistics import FloatArray


class SeedDraws:
    """Draws of the departures of means over seeds, the same for every figure that is compared.

    The departures of one figure have Student's t distribution with S - 1 degrees of freedom, those
    of several the correlation that they have over the seeds: a multivariate t distribution. A
    single seed tells nothing of others, and has none.

    Args:
        seeds: How many there are, at least 2.
        draws: How many are drawn.
        seed: Of the draws.
    """

    def __init__(self, seeds: int, draws: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        normal_RS = rng.standard_normal((draws, seeds))
        variance_R1 = rng.chisquare(seeds - 1, (draws, 1)) / (seeds - 1)
        self._factors_RS: FloatArray = normal_RS / np.sqrt(variance_R1 * seeds * (seeds - 1))

    def departures(self, values_SK: FloatArray) -> FloatArray:
        """Return departures of the means over seeds from their true values [R, K]."""
        departures_RK: FloatArray = self._factors_RS @ (values_SK - values_SK.mean(axis=0))
        return departures_RK


def standard_error(values_SK: FloatArray) -> FloatArray:
    """Return the standard error of each mean over seeds [K]."""
    error_K: FloatArray = values_SK.std(axis=0, ddof=1) / np.sqrt(len(values_SK))
    return error_K
