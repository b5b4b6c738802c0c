"""The configurations of a table: the presets, and as many of each loss variant, evenly spread."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from fieldsharp.sweep.configuration.presets import preset_parameters, presets
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange, Scalar, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import run_preflight

OF_A_VARIANT = 29
"""Some 300 in all for the ten variants of the quickstart."""
VARIANT = "loss_variant"
SEED = 20261130


@dataclass(frozen=True)
class Configuration:
    """One of the table.

    Attributes:
        preset: Its name, "" for one that was drawn.
        parameters: Of the search, those of a preset as the service records them.
        run: What is trained.
    """

    preset: str
    parameters: Mapping[str, Scalar]
    run: RunSettings


def configurations(config: SweepConfig) -> list[Configuration]:
    """Return the baseline, the other presets and those drawn, variants in turn.

    Points of a Sobol sequence, one for each variant: a search that proposes anything finds an
    entry near by.
    """
    units = run_preflight(config).facts.weight_units
    found = [
        Configuration(
            preset.name,
            preset_parameters(preset, config, units.get(preset.name, 1.0)),
            preset.run(config),
        )
        for preset in presets(config)
    ]
    variants = config.search.space[VARIANT]
    assert isinstance(variants, Choices), "variants are searched by name"
    drawn = [_drawn(config, str(name), SEED + i) for i, name in enumerate(variants.choices)]
    for of_all in zip(*drawn, strict=True):
        for parameters in of_all:
            values = {setting_path(name): value for name, value in parameters.items()}
            found.append(Configuration("", parameters, config.run_with(values)))
    return found


def _drawn(config: SweepConfig, variant: str, seed: int) -> Iterator[dict[str, Scalar]]:
    others = {name: one for name, one in config.search.space.items() if name != VARIANT}
    sobol = torch.quasirandom.SobolEngine(len(others), scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    for point in sobol.draw(OF_A_VARIANT).tolist():
        values = {n: _at(one, u) for (n, one), u in zip(others.items(), point, strict=True)}
        yield {VARIANT: variant, **values}


def _at(searched: NumberRange | Choices, share: float) -> Scalar:
    """Return the value of a range at a share of the way from its low to its high end."""
    if isinstance(searched, Choices):
        return searched.choices[int(share * len(searched.choices))]
    low, high = float(searched.low), float(searched.high)
    if searched.log:
        return float(low * (high / low) ** share)
    return low + share * (high - low)
