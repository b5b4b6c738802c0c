"""The table of checks, and running them one after the other."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from fieldsharp.core.errors import FieldsharpError, TrainingFailed
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.fields.stored_series.store import SeriesStore, temporary_store
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.checking.blur import check_blur
from fieldsharp.sweep.checking.context import Check, CheckContext, Finding
from fieldsharp.sweep.checking.input_range import (
    check_later_values,
    check_level,
    check_mask,
    check_time,
    check_training_values,
    check_units,
)
from fieldsharp.sweep.checking.length import check_length
from fieldsharp.sweep.checking.loss_terms import check_term, terms_reached
from fieldsharp.sweep.checking.model_loading import check_evaluation_mode, check_weights
from fieldsharp.sweep.checking.optimiser import (
    check_learning_rate,
    check_movement,
    check_short_training,
)
from fieldsharp.sweep.configuration.placeholders import placeholders
from fieldsharp.sweep.configuration.script_results import FieldFile, field_file, path_of
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.preflight import (
    local_processes,
    preflight_of_script,
    require_parts,
    with_length_in_epochs,
)
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.execution.script.launch import find_program, flag_of
from fieldsharp.sweep.execution.script.preflight import ScriptRequirements
from fieldsharp.sweep.execution.script.project_snapshot import results_left_out
from fieldsharp.sweep.execution.script.reassigned_values import reassigned_values
from fieldsharp.sweep.study.data_summary import AFTER_THE_BASELINE

CHECKS: dict[str, Callable[[CheckContext], Finding]] = {
    "units": check_units,
    "values in training": check_training_values,
    "values in validation": partial(check_later_values, part="validation"),
    "values in test": partial(check_later_values, part="test"),
    "level": check_level,
    "mask": check_mask,
    "time": check_time,
    "blur": check_blur,
    "weights": check_weights,
    "evaluation mode": check_evaluation_mode,
    "optimiser": check_movement,
    "learning rate": check_learning_rate,
    "training": check_short_training,
    "length": check_length,
}
"""By name, in the order they run; a check of each loss term in the search follows."""


def checks_of(config: SweepConfig) -> Iterator[Check]:
    """Yield every check of a configuration; large data are in a file until the last of them.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the predictor cannot be built or run, or settings do not fit.
    """
    if config.trainer is not None:
        return check_script(config)
    return _checks_of_data(config)


def _checks_of_data(config: SweepConfig) -> Iterator[Check]:
    room = config.workers.share_data_above_mb, config.recovery.free_space_mb
    with temporary_store(*room) as store:
        yield from run_checks(open_context(config, store))


def open_context(config: SweepConfig, store: SeriesStore | None = None) -> CheckContext:
    """Read the data and run the predictor once.

    Args:
        config: Of the sweep.
        store: Where large data are written; None holds all data in memory.

    Raises:
        DataError: If the data cannot be used.
        ConfigError: If the predictor cannot be built or run.
    """
    torch.set_num_threads(config.training.threads)
    training = config.training
    if config.executor == "ray":  # its nodes may have devices that this machine lacks
        training = training.model_copy(update={"device": "auto"})
    hardware = find_hardware(training)
    data = load_forecast_data(
        config.data, hardware.device, local_processes(config), config.objective.measures, store
    )
    require_parts(config, data)
    config = with_length_in_epochs(config, data)
    return CheckContext(config, data, hardware)


def run_checks(context: CheckContext) -> Iterator[Check]:
    """Yield every check; the same context gives the same checks on one CPU.

    Raises:
        ConfigError: If settings that go together do not fit.
    """
    terms: dict[str, Callable[[CheckContext], Finding]] = {
        f"loss term {name}": partial(check_term, settings=settings)
        for name, settings in terms_reached(context).items()
    }
    for name, check in (CHECKS | terms).items():
        try:
            yield _named(name, check(context))
        except TrainingFailed as error:
            yield _named(name, _finding_of_error(error))


def check_script(config: SweepConfig) -> Iterator[Check]:
    """Yield every check of a configuration that trains a script, which is not run."""
    settings = config.trainer
    assert settings is not None, "there is a script"
    requirements = ScriptRequirements(config)
    checks: dict[str, Callable[[], str]] = {
        "script": lambda: _script(settings),
        "values": lambda: _values(config, settings, requirements.command_line),
        "targets": lambda: _targets(config),
        "what comes back": lambda: "; ".join([_results(settings), *results_left_out(settings)]),
    }
    for name, check in checks.items():
        try:
            if name in requirements.by_name:
                requirements.by_name[name]()
            yield Check(ok=True, detail=check(), name=name)
        except FieldsharpError as error:
            yield _named(name, _finding_of_error(error))


def _named(name: str, finding: Finding) -> Check:
    return Check(finding.ok, finding.detail, finding.fix, name=name)


def _finding_of_error(error: FieldsharpError) -> Finding:
    """Return a failed finding: its message is the problem, then the fix."""
    detail, _, fix = str(error).partition("; ")
    return Finding(ok=False, detail=detail, fix=fix)


def _script(settings: ScriptSettings) -> str:
    commands = [
        " ".join([find_program(settings, command[0]), *map(_shown, command[1:])])
        for command in settings.commands
    ]
    return f"{', then '.join(commands)}, in a copy of {settings.project} for every trial"


def _shown(word: str) -> str:
    """Return a word of a command, in quotes if its ends would not be seen."""
    return word if word and not any(sign.isspace() for sign in word) else repr(word)


def _values(config: SweepConfig, settings: ScriptSettings, line: CommandLine) -> str:
    searched = [name.removeprefix("script.") for name in config.search.space]
    fixed = [name for name in settings.given if name not in searched]
    parts = [
        f"{what}: {', '.join(f'{name} {_passed(name, settings, line)}' for name in names)}"
        for what, names in (("searched", searched), ("fixed", fixed))
        if names
    ]
    return "; ".join([*parts, *reassigned_values(settings, line)])


def _passed(name: str, settings: ScriptSettings, line: CommandLine) -> str:
    """Return how a value reaches the script, in words."""
    words = [w for command in settings.commands for w in command[1:] if name in placeholders(w)]
    ways = [f"in the word {word}" for word in words]
    if settings.file_entry(name) is not None:
        ways.append(f"written to {settings.names[name]}")
    elif settings.is_passed(name):
        called = settings.called(name)
        if settings.values == "flags":
            called = flag_of(settings, line, name)
        ways.append(f"as {called} ({settings.values})")
    return " and ".join(ways)


def _targets(config: SweepConfig) -> str:
    facts = preflight_of_script(config).facts
    if not facts.targets_known:
        share = config.objective.auto_share
        return (
            f"{AFTER_THE_BASELINE}, from the truth that its script writes: {share:g} of the "
            "observed where objective.targets has no number"
        )
    unit = f" {facts.units}" if facts.units else ""
    of = (
        f"of {DataFiles.of(config.data.path)}"
        if config.has_data
        else f"of {path_of(config.trainer.truth)}"
        if facts.gradient_observed is not None and config.trainer and config.trainer.truth
        else "as given: nothing else is known"
    )
    targets = facts.targets
    gradient = f"gradient {targets.gradient.low:.4g}{unit} {facts.per}"
    return f"{gradient}, peak {targets.peak.low:.4g}{unit}, {of}"


def _results(settings: ScriptSettings) -> str:
    if settings.forecast is not None:
        sharpened = (
            "no sharpener is tried, since trainer.training_forecast names no forecast to fit it on"
            if settings.training_forecast is None
            else f"sharpeners are fitted on {_array(settings.training_forecast)} beside "
            f"{_array(settings.training_truth)}"
        )
        return (
            f"{_array(settings.forecast)} beside {_array(settings.truth)}: every guard is taken "
            f"but change, which needs the last known frame; {sharpened}"
        )
    where = path_of(settings.metrics) if settings.metrics else "what is printed"
    return (
        f"numbers in {where}: the guards whose metrics are not among them are left out, and "
        "nothing then refuses sharpness that is noise"
    )


def _array(setting: str | FieldFile | None) -> str:
    """Return a file and what its axes are, in a few words."""
    file = field_file(setting or "")
    which = f" ({file.key})" if file.key else ""
    axes = f" with the axes {', '.join(file.axes)}" if file.axes else ""
    return f"{file.path}{which}{axes}"
