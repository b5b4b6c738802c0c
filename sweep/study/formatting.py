"""A trial in a few words: its settings, its result, and the end of what its script printed."""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from fieldsharp.model.registry import MEMBER_LOSSES
from fieldsharp.sweep.configuration.placeholders import PROJECT_NAME
from fieldsharp.sweep.configuration.ranges import GivenValue
from fieldsharp.sweep.study.trial_spec import TrialSpec

PROJECT = f"{{{PROJECT_NAME}}}"
"""Placeholder for the folder of a script's project in the values it is given."""


def describe(spec: TrialSpec) -> str:
    """Return the settings that a trial trains, in a few words."""
    if spec.preset is not None:
        return spec.preset
    if spec.run.trainer is not None:
        return given_in_words(spec.run.trainer.given)
    loss, training = spec.run.loss, spec.run.training
    begins = ", from the baseline" if spec.starts_from_baseline else ""
    term = f"{loss.variant} {loss.gradient_weight:.3g} {loss.multi_step}"
    if loss.base in MEMBER_LOSSES:
        members = f"{loss.base}, {_noise_in_words(spec.run.predictor.options)}"
        term = f"{members}, {term}" if loss.gradient_weight > 0 else members
    return (
        f"{term}, rate {training.learning_rate:.2e}, warm-up {training.warmup_fraction:.2f}{begins}"
    )


def _noise_in_words(options: Mapping[str, JsonValue]) -> str:
    """Return what the members of an ensemble differ by."""
    if options.get("noise") == "input":
        return "noise"
    share = options.get("dropout")
    return f"dropout {share:.3g}" if isinstance(share, float | int) else "dropout"


def given_in_words(given: Mapping[str, GivenValue]) -> str:
    """Return the values a script is given, in a few words."""
    return ", ".join(
        f"{name} {_in_words(value)}"
        for name, value in given.items()
        if PROJECT not in str(value)  # a path is no setting of a training
    )


def _in_words(value: GivenValue) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_in_words, value))}]"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def describe_result(score: float, metrics: Mapping[str, float], broken: Iterable[str] = ()) -> str:
    """Return the score, metrics (physical units) and broken guards of a trial, in a few words."""
    names = ", ".join(broken)
    against = f", against the guards: {names}" if names else ""
    return (
        f"score {score:.4f}, gradient {metrics['gradient']:.4g}, peak {metrics['peak']:.4g}, "
        f"rmse {metrics['rmse']:.4g}{against}"
    )


def last_lines(text: str, most_lines: int, most_characters: int = 2000) -> str:
    """Return the last lines of an output, without empty lines at its end; "" of no output."""
    lines = text[-20 * most_characters :].replace("\r", "\n").rstrip().split("\n")
    return "\n".join(lines[-most_lines:])[-most_characters:].strip()
