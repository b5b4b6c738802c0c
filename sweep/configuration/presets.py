"""Trials before the search: the baseline, the plan's rounds and the sharpening losses."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import JsonValue

from fieldsharp.model.registry import NO_TERM
from fieldsharp.sweep.configuration.ranges import (
    GIVEN,
    Choices,
    NumberRange,
    Scalar,
    setting_path,
    value_at,
)
from fieldsharp.sweep.configuration.run_settings import ENSEMBLE, RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.start_rules import OF_MEMBERS

BASELINE = "baseline"
OPTIONS = "predictor.options."


@dataclass(frozen=True)
class Preset:
    """A named trial.

    Attributes:
        name: Shown in the dashboard and in tables.
        values: Settings by dotted path; the rest is as configured.
        options: Options of the predictor in place of those configured; None leaves them.
    """

    name: str
    values: dict[str, Scalar]
    options: Mapping[str, JsonValue] | None = None

    def run(
        self, config: SweepConfig, searched: Mapping[str, Scalar] = MappingProxyType({})
    ) -> RunSettings:
        """Return the trained settings: these values, else the searched, else the configured."""
        base = config
        if self.options is not None:
            predictor = config.predictor.model_copy(update={"options": self.options})
            base = config.model_copy(update={"predictor": predictor})
            searched = {p: v for p, v in searched.items() if not p.startswith(OPTIONS)}
        return base.run_with({**searched, **self.values})


def _round(name: str, variant: str, weight: float, multi_step: str, **more: Scalar) -> Preset:
    """Return a trial with one term, by default of a raw, unnormalised weight, as in the plan."""
    return Preset(
        name,
        {
            "loss.variant": variant,
            "loss.gradient_weight": weight,
            "loss.multi_step": multi_step,
            "loss.normalise": "none",
            "loss.peak_weight": 0.0,
            **more,
        },
    )


BASELINE_PRESET = Preset(
    BASELINE, {"loss.variant": NO_TERM, "loss.gradient_weight": 0.0, "loss.peak_weight": 0.0}
)
PLAN = (
    _round("plan 0: weight 0.05, last step", "gradient", 0.05, "last"),
    _round("plan 1: weight 0.2, last step", "gradient", 0.2, "last"),
    _round("plan 2: weight 0.2, all steps", "gradient", 0.2, "all"),
    _round("plan 3: Sobel", "sobel", 0.2, "all"),
    _round("plan 3: frequency", "fourier_amplitude", 0.2, "all"),
    _round("plan 3: Laplacian", "laplacian", 0.2, "all"),
    _round("plan 4: multi-scale", "multiscale", 0.2, "all"),
)
SLOWER_SHARE = 0.3
SLOWER_WARMUP = 0.2
SHARPENERS = tuple(
    _round(
        f"sharpener: {variant} {weight:g}",
        variant,
        weight,
        "all",
        **{"loss.normalise": "persistence"},
    )
    for variant, weight in (("sorted", 1.0), ("gradient_magnitude", 2.0), ("amse_mix", 1.0))
)
"""Losses that can move the optimum, at the weights measured to sharpen most at little cost."""


def presets(config: SweepConfig) -> list[Preset]:
    """Return the trials to run first: always the baseline, then the rounds asked for.

    A round that sets something the search fixes or excludes is left out: it would be a trial the
    sampler could not learn from.
    """
    wanted = config.search.presets
    rounds: list[Preset] = []
    if wanted in ("sharpeners", "all"):  # first: they reach a good trial in a third of the time
        rounds += SHARPENERS
    if wanted in ("plan", "all"):
        rounds += [*PLAN, _slower(config)]
    return [_baseline(config), *(p for p in rounds if _inside(p, config))]


def _baseline(config: SweepConfig) -> Preset:
    """Return the trial that all others are compared with: a pointwise base loss without terms.

    Of an ensemble it is a single member, since training with the CRPS is itself a candidate. Of a
    script it has the values of ``trainer.baseline``. It always starts fresh.
    """
    if config.trainer is not None:
        given = config.trainer.baseline
        return Preset(BASELINE, {GIVEN + name: value for name, value in given.items()})
    name: Scalar = config.predictor.name
    searched = config.searched("predictor.name")
    if isinstance(searched, Choices) and name not in searched.choices:
        name = searched.choices[0]
    may_not = config.starts_from_baseline or config.training.start != "fresh"
    fresh: dict[str, Scalar] = {"training.start": "fresh"} if may_not else {}
    if name != ENSEMBLE:
        return Preset(BASELINE, {**BASELINE_PRESET.values, **fresh})
    options = dict(config.predictor.options)
    member = str(options.pop("member", "unet"))
    for option in OF_MEMBERS:
        options.pop(option, None)
    values: dict[str, Scalar] = {
        **BASELINE_PRESET.values,
        **fresh,
        "predictor.name": member,
        "loss.base": "mse",
    }
    return Preset(BASELINE, values, options)


def _slower(config: SweepConfig) -> Preset:
    """Return the plan's last round: a lower learning rate and more warm-up."""
    rate = SLOWER_SHARE * config.training.learning_rate
    values: dict[str, Scalar] = {
        "training.learning_rate": rate,
        "training.warmup_fraction": SLOWER_WARMUP,
    }
    return _round("plan 5: lower rate, warm-up", "gradient", 0.2, "all", **values)


def preset_parameters(
    preset: Preset, config: SweepConfig, weight_unit: float = 1.0
) -> dict[str, Scalar]:
    """Return the searched parameters of a preset: its own values, else those configured.

    Args:
        preset: The trial.
        config: The sweep.
        weight_unit: Factor from its raw weight to the equivalent normalised weight of the search.

    An option of the predictor that is not configured takes the first choice or the low end.

    The baseline's weight, 0, lies outside any logarithmic range; the nearest end is recorded, which
    by continuity is also what the sampler should believe. What is trained is the preset's own
    values, and those are what the trial's spec, the status and the export show.
    """
    parameters: dict[str, Scalar] = {}
    configured = config.run.model_dump()
    for name, searched in config.search.space.items():
        path = setting_path(name)
        value = preset.values.get(path, value_at(configured, path))
        if path == "loss.gradient_weight" and value is not None:
            value = float(value) * weight_unit
        if isinstance(searched, Choices):
            parameters[name] = value if value in searched.choices else searched.choices[0]
        else:
            parameters[name] = searched.low if value is None else _clip(value, searched)
    return parameters


def values_outside(config: SweepConfig) -> list[str]:
    """Return a sentence for each configured value that its own search range excludes."""
    configured = config.run.model_dump()
    sentences = []
    for name, searched in config.search.space.items():
        path = setting_path(name)
        value = value_at(configured, path)
        if path.startswith("loss.") or path == "training.start" or value is None:
            continue
        if isinstance(searched, Choices):
            if value not in searched.choices:
                sentences.append(
                    f"{path} is {value}, none of its choices: the baseline and the plan's rounds "
                    f"train with {searched.choices[0]}"
                )
            continue
        nearest = _clip(value, searched)
        if nearest != value:
            sentences.append(
                f"{path} is {value:g}, outside its range {searched.low:g} to {searched.high:g}: "
                f"the baseline and the plan's rounds train with {nearest:g}"
            )
    return sentences


def _inside(preset: Preset, config: SweepConfig) -> bool:
    configured = config.run.model_dump()
    for path, value in preset.values.items():
        searched = config.searched(path)
        if path == "loss.normalise" or (path == "loss.peak_weight" and searched is not None):
            continue  # recorded in the units of the search, and as the lowest value
        if searched is None:
            if value_at(configured, path) != value:
                return False
        elif isinstance(searched, Choices):
            if value not in searched.choices:
                return False
        elif not searched.low <= float(value) <= searched.high or (
            _is_whole(searched) and not float(value).is_integer()
        ):
            return False
    return True


def _clip(value: Scalar, searched: NumberRange) -> Scalar:
    clipped = min(max(float(value), searched.low), searched.high)
    return round(clipped) if _is_whole(searched) else clipped


def _is_whole(searched: NumberRange) -> bool:
    return isinstance(searched.low, int) and isinstance(searched.high, int)
