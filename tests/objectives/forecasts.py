"""The forecasts the guards are tried on, honest and made up, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.guards import GuardOutcome, broken, check_guards
from fieldsharp.objectives.limits.error_limit import rmse_multiples
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.settings import GuardSettings
from tests.objectives import cheats
from tests.objectives.cheats import Scene

Floats = NDArray[np.float64]
Forecast = Callable[[Scene], Floats]
SETTINGS = GuardSettings()

HONEST: Mapping[str, Forecast] = {
    "truth": lambda scene: scene.truth_BTHW,
    "conditional mean": lambda scene: scene.mean_BTHW,
    # Advected without surprises, or every pattern at full strength: sharp where the mean says.
    "honest sharp": lambda scene: scene.sharp_BTHW,
    # Sharp, a little behind: nearer to the truth than the conditional mean is.
    "late truth": lambda scene: scene.late_BTHW,
    # The mean is too weak by what is uncertain; to give that back, and no more, invents nothing.
    "contrast restored": cheats.contrast_restored,
    "unsharp, wide": cheats.unsharp_wide,
}

# Forecast, guard that refuses it for the plumes, guard for the humidity.
CHEATS: list[tuple[str, Forecast, str, str]] = [
    # The table of six.
    ("noise and spike", cheats.noise_and_spike, "forward_sobel", "forward_sobel"),
    ("contrast doubled", cheats.contrast_doubled, "standard_deviation", "standard_deviation"),
    ("unrelated case", cheats.unrelated, "correlation", "correlation"),
    # Grid-scale patterns: neighbouring cells jump more than they do in the truth.
    ("salt and pepper", cheats.salt_and_pepper, "forward_sobel", "forward_sobel"),
    ("checkerboard", cheats.checkerboard, "forward_sobel", "forward_sobel"),
    ("blocks", cheats.blocks, "forward_sobel", "forward_sobel"),
    ("stripes", cheats.stripes, "forward_sobel", "forward_sobel"),
    ("ringing", cheats.ringing, "forward_sobel", "forward_sobel"),
    ("unsharp, narrow", cheats.unsharp_narrow, "roughness", "forward_sobel"),
    # Real fields, but of another time, or old.
    ("permuted", cheats.permuted, "correlation", "correlation"),
    ("frozen", cheats.frozen, "change", "change"),
    # Contrast where it is cheap: the mean gradient is met, one region is far too strong.
    ("one region", cheats.one_region, "region", "region"),
    # Detail of the right spectrum whose place nothing foretells.
    ("blend", cheats.blend, "rmse", "rmse"),
    ("texture", cheats.texture, "gradient_correlation", "gradient_correlation"),
    # Little noise, and one cell above the rest where it costs no other guard much.
    ("spike on the coast", cheats.noise_and_spike_on_the_coast, "spike", "spike"),
    ("spike inland", cheats.noise_and_spike_inland, "spike", "spike"),
    # One lead alone.
    ("at one lead", cheats.at_one_lead, "forward_sobel", "forward_sobel"),
]
# Temperature hardly blurs in six hours: little is missing, so little has to be made up.
CHEATS_IN_TEMPERATURE = [
    ("noise and spike", "roughness"),
    ("noise and spike", "spike"),
    ("contrast doubled", "standard_deviation"),
    ("unrelated case", "correlation"),
    ("salt and pepper", "forward_sobel"),
    ("checkerboard", "forward_sobel"),
    ("blocks", "forward_sobel"),
    ("stripes", "spike"),
    ("ringing", "forward_sobel"),
    ("unsharp, narrow", "spike"),
    ("permuted", "correlation"),
    ("frozen", "change"),
    ("texture", "gradient_correlation"),
    ("spike on the coast", "spike"),
    ("spike inland", "spike"),
    ("at one lead", "roughness"),
]
BY_NAME: Mapping[str, Forecast] = {
    **HONEST,
    **{name: forecast for name, forecast, _, _ in CHEATS},
    "perfect sample": lambda scene: scene.sample_BTHW,
    "towards a member": cheats.towards_a_member,
    "coloured noise": cheats.coloured_noise,
    "missing power": cheats.missing_power,
    "every other": cheats.every_other,
    "unsharp and spike": cheats.unsharp_and_spike,
}
BASELINE = "conditional mean"
ON_BOTH = pytest.mark.parametrize("place", ["plumes", "humidity"])
ON_ALL = pytest.mark.parametrize("place", ["plumes", "humidity", "temperature"])


class Judged:
    """Forecasts of a scene, each made and judged once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._forecasts: dict[str, Floats] = {}
        self._judgements: dict[str, MetricValues] = {}
        self._frontier: Frontier | None = None

    def forecast(self, name: str) -> Floats:
        if name not in self._forecasts:
            self._forecasts[name] = BY_NAME[name](self.scene)
        return self._forecasts[name]

    def __getitem__(self, name: str) -> MetricValues:
        if name not in self._judgements:
            self._judgements[name] = self.scene.judge(self.forecast(name))
        return self._judgements[name]

    def outcomes(self, name: str, settings: GuardSettings = SETTINGS) -> list[GuardOutcome]:
        return self.check(self[name], settings)

    def check(self, values: MetricValues, settings: GuardSettings = SETTINGS) -> list[GuardOutcome]:
        multiples = self.rmse_multiples(settings)
        return check_guards(values, settings, self[BASELINE], rmse_multiples=multiples)

    def rmse_multiples(self, settings: GuardSettings = SETTINGS) -> list[float]:
        if self._frontier is None:
            self._frontier = self.scene.frontier()
        return rmse_multiples(settings, self._frontier, self[BASELINE])


def names(outcomes: list[GuardOutcome]) -> set[str]:
    return {outcome.name for outcome in broken(outcomes)}
