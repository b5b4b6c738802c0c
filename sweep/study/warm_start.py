"""The best configurations of an earlier study that a sweep begins with; scores are not taken over.

Scores belong to the data of that study. Settings carry over: a weight in units of the base loss is
as strong on other data (decision 7), a raw one is not.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError

from fieldsharp.core.errors import StudyError
from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import NO_TERM
from fieldsharp.sweep.configuration.presets import Preset, presets
from fieldsharp.sweep.configuration.ranges import (
    Choices,
    NumberRange,
    Scalar,
    setting_path,
    value_at,
)
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.candidates import what_is_trained
from fieldsharp.sweep.study.trial_records import (
    WARM_START,
    by_score,
    complete_baseline,
    is_baseline,
    is_feasible,
    study_attribute,
    trial_score,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
MOST = 4
SHOWN = 3
WEIGHTS = ("loss.gradient_weight", "loss.peak_weight")
MUST_AGREE = ("loss.variant", "predictor.name")
"""Settings that the other values were tuned for: under others they mean nothing."""


class EarlierTrial(Settings):
    """A configuration of an earlier study: a preset's name, and settings by dotted path."""

    name: str
    values: dict[str, Scalar]

    @property
    def preset(self) -> Preset:
        """The trial to run."""
        return Preset(self.name, dict(self.values))


class WarmStart(Settings):
    """The best trials of an earlier study that fit the search, the best first, as stored.

    Attributes:
        steps: That its baseline was trained for; None in studies of earlier versions.
    """

    study: str
    steps: int | None = None
    trials: list[EarlierTrial] = Field(default_factory=list)


def warm_start_of(study: Study) -> WarmStart | None:
    """Return the warm start of a study, None where it has none.

    Raises:
        StudyError: If another version of this program wrote it.
    """
    return study_attribute(WarmStart, study, WARM_START)


def store_warm_start(study: Study, start: WarmStart) -> None:
    """Store the warm start of a study; the first one is never replaced."""
    stored = warm_start_of(study)
    if stored is None:
        study.set_user_attr(WARM_START, start.model_dump(mode="json"))
    elif stored != start:
        names = ", ".join(trial.name for trial in stored.trials) or "nothing"
        logger.info("%s: it began with %s, and that stands", study.study_name, names)


@dataclass(frozen=True)
class Chosen:
    """A warm start, and the sentences to log about it."""

    start: WarmStart
    sentences: Sequence[str]


class _DoesNotFitError(Exception):
    """A configuration cannot be trained in the new search."""


def choose(earlier: Study, trials: Sequence[FrozenTrial], config: SweepConfig) -> Chosen:
    """Return the best feasible, distinct configurations of a study that fit a new sweep's search.

    Raises:
        StudyError: If it has none beside the baseline, or none fits.
    """
    name = earlier.study_name
    found: dict[str, EarlierTrial] = {}
    rounds = {what_is_trained(preset.run(config)): preset.name for preset in presets(config)}
    sentences: list[str] = []
    left_out: list[str] = []
    queued_anyway = False
    for trial, spec in _worth_a_trial(name, trials):
        if len(found) == MOST:
            break
        try:
            values, clipped = _fitted(trial, spec, config)
            key = what_is_trained(Preset("", values).run(config))
        except _DoesNotFitError as error:
            left_out.append(f"trial {trial.number} of {name} is left out: {error}")
            continue
        if key in rounds:
            queued_anyway = True
            sentences.append(f"trial {trial.number} of {name} is the preset {rounds[key]!r}")
        elif key not in found:
            found[key] = EarlierTrial(name=f"from {name}: trial {trial.number}", values=values)
            sentences += [f"trial {trial.number} of {name}: {clip}" for clip in clipped]
    if not found and not queued_anyway:
        raise StudyError(
            f"no configuration of study {name!r} fits the search of {config.study!r}: "
            f"{left_out[0]}; search what it searched, or leave --from out"
        )
    sentences += left_out[:SHOWN]
    if len(left_out) > SHOWN:
        sentences.append(f"{len(left_out) - SHOWN} more of {name} are left out")
    return Chosen(WarmStart(study=name, trials=list(found.values())), sentences)


def _worth_a_trial(
    study: str, trials: Sequence[FrozenTrial]
) -> list[tuple[FrozenTrial, TrialSpec]]:
    """Return the trials that beat the baseline and break no guard, the best first.

    Where none did, the best trial alone: it shows whether that is so on other data too.
    """
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    baseline = complete_baseline(complete)
    if baseline is None:
        raise StudyError(
            f"study {study!r} has no complete baseline, so nothing in it was judged; go on with "
            "it first, or leave --from out"
        )
    feasible = [
        (trial, spec)
        for trial in by_score(complete)
        if not is_baseline(trial) and is_feasible(trial) and (spec := trial_spec(trial)) is not None
    ]
    if not feasible:
        raise StudyError(
            f"study {study!r} has no complete trial beside the baseline that breaks no guard, so "
            "there is nothing to begin with; go on with it first, or leave --from out"
        )
    limit = trial_score(baseline)
    return [pair for pair in feasible if trial_score(pair[0]) < limit] or feasible[:1]


def _fitted(
    trial: FrozenTrial, spec: TrialSpec, config: SweepConfig
) -> tuple[dict[str, Scalar], list[str]]:
    """Return the values of a trial clipped to another search, and sentences on what was clipped."""
    if (spec.run.trainer is None) != (config.trainer is None):
        kinds = ["a predictor", "a script"]
        ours, theirs = kinds[config.trainer is not None], kinds[spec.run.trainer is not None]
        raise _DoesNotFitError(f"it is of {theirs}, and here {ours} is trained")
    trained, here = spec.run.model_dump(), config.run.model_dump()
    for path in MUST_AGREE:
        if config.searched(path) is None and value_at(trained, path) != value_at(here, path):
            raise _DoesNotFitError(
                f"its {path} is {value_at(trained, path)} and here it is {value_at(here, path)}"
            )
    values: dict[str, Scalar] = {}
    clipped = []
    for name, searched in config.search.space.items():
        path = setting_path(name)
        value = _carried(path, trial, spec, config)
        if value is None:
            continue  # an option its predictor did not have: as configured
        fitting = _inside(name, value, searched)
        if fitting != value:
            clipped.append(f"{name} {value:.4g} lies outside its range, {fitting:.4g} is trained")
        values[path] = fitting
    try:
        config.run_with(values)
    except ValidationError as error:
        detail = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise _DoesNotFitError(detail) from error
    return values, clipped


def _carried(path: str, trial: FrozenTrial, spec: TrialSpec, config: SweepConfig) -> Scalar | None:
    """Return the value of a trial at a path; a weight in the units of the new search."""
    loss = spec.run.loss
    if path not in WEIGHTS or loss.normalise == config.loss.normalise or loss.variant == NO_TERM:
        return value_at(spec.run.model_dump(), path)
    recorded: Mapping[str, Scalar] = {setting_path(n): v for n, v in trial.params.items()}
    if config.loss.normalise == "none" or path not in recorded:
        raise _DoesNotFitError(
            f"its {path} is {loss.normalise}-normalised and here loss.normalise is "
            f"{config.loss.normalise}"
        )
    # A raw weight of a preset is recorded as the normalised one of the same effect.
    return recorded[path]


def _inside(name: str, value: Scalar, searched: NumberRange | Choices) -> Scalar:
    if isinstance(searched, Choices):
        if value not in searched.choices:
            raise _DoesNotFitError(
                f"its {name} is {value}, and the choices are "
                f"{', '.join(str(choice) for choice in searched.choices)}"
            )
        return value
    return min(max(value, searched.low), searched.high)
