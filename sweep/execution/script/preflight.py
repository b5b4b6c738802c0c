"""Checks a script's configuration before any trial starts, and resolves its targets."""

import math
from collections.abc import Sequence
from pathlib import Path, PurePath

from fieldsharp.core.errors import ConfigError
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.configuration.script_results import FieldFile, field_file, path_of
from fieldsharp.sweep.configuration.script_settings import ScriptSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.script.constant_rewriter import module_file
from fieldsharp.sweep.execution.script.launch import expand_project, find_program, write_constants
from fieldsharp.sweep.execution.script.metric_rows import (
    TENSORBOARD_MISSING,
    has_tensorboard,
    may_be_events,
)
from fieldsharp.sweep.execution.script.project_copy import project_sha256, require_project
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.formatting import PROJECT
from fieldsharp.sweep.study.provenance import provenance

WEIGHED_WHERE_POSSIBLE = (
    "errors, means, skill and correlations weigh each cell by the cosine of its latitude where the "
    "truth of the script has latitudes"
)


def require_script(config: SweepConfig) -> None:
    """Check that a script can be run and given its values.

    Raises:
        ConfigError: If its program, project or a constant is missing, or its results would be
            written outside the trial's own folder.
    """
    settings = config.trainer
    assert settings is not None, "called for scripts only"
    project = Path(settings.project)
    require_project(settings)
    for key, command in zip(("command", "then"), settings.commands, strict=False):
        _require_command(f"trainer.{key}", command, settings)
    for key, name in settings.results.items():
        _require_path_in_copy(key, name, settings)
    _require_distinct_fields(settings)
    _require_distinct_results(settings)
    name = path_of(settings.metrics) if settings.metrics is not None else ""
    if may_be_events(name) and not has_tensorboard():
        raise ConfigError(f"trainer.metrics {name} {TENSORBOARD_MISSING}")
    if settings.values == "constants":
        names = {*settings.given, *settings.baseline}
        names |= {name.removeprefix("script.") for name in config.search.space}
        called = sorted(settings.called(name) for name in names)
        try:
            write_constants(project, dict.fromkeys(called, 0.0), write=False)
        except OSError as error:
            raise ConfigError(f"{error.filename} cannot be read ({error.strerror})") from error
        for name in called:
            _require_copied(name.partition(":")[0], settings)


def _require_command(key: str, command: Sequence[str], settings: ScriptSettings) -> None:
    find_program(settings, command[0])
    project = Path(settings.project)
    script = next((word for word in command[1:] if not word.startswith("-")), "")
    if not script.endswith(".py"):
        return
    if not (project / expand_project(script, settings)).is_file():
        raise ConfigError(
            f"{key} runs {script}, and {project} has no such file; name a script of trainer.project"
        )
    if settings.values == "constants" and PROJECT in script:
        raise ConfigError(
            f"{key} runs {script}, the original, in which no constant is replaced; name it as it "
            "is called within the project"
        )


def _require_copied(module: str, settings: ScriptSettings) -> None:
    """Check that a module whose constants are replaced is part of each trial's copy."""
    project = Path(settings.project)
    path = module_file(project, module).relative_to(project)
    for key, excluded in (("links", settings.links), ("leave_out", settings.leave_out)):
        for name in excluded:
            if path.is_relative_to(name):
                raise ConfigError(
                    f"trainer.names names the module {module!r}, in {name!r} of trainer.{key}, "
                    f"which is not copied for trials; take it out of trainer.{key}"
                )


def summarise_script_data(config: SweepConfig) -> DataSummary:
    """Return the data summary of a field that only the script reads: its targets.

    The observed value is assumed to be the target divided by ``objective.auto_share``, which gives
    the target band its ceiling; the peak is measured from 0.

    Raises:
        ConfigError: If a target cannot be used.
    """
    settings = config.trainer
    assert settings is not None, "called for scripts only"
    targets = resolve_targets(config.objective, _assumed_observations(config.objective))
    return DataSummary(
        variable=settings.variable or "field",
        units=settings.units,
        gradient=BandSummary.of(targets.gradient),
        peak=BandSummary.of(targets.peak),
        gradient_observed=None,
        peak_observed=None,
        mean_observed=None,
        rmse_persistence=None,
        windows={},
        provenance=provenance(None, project_sha256(settings)),
        measures=config.objective.measures,
        grid_notes=(WEIGHED_WHERE_POSSIBLE,) if config.objective.area_weights == "auto" else (),
    )


def _assumed_observations(objective: ObjectiveSettings) -> dict[str, float]:
    given = objective.targets
    assumed = {"mean_observed": 0.0}
    for name in ("gradient", "peak"):
        target = float(getattr(given, name))
        assert math.isfinite(target), "validated: a number"
        assumed[f"{name}_observed"] = target / objective.auto_share
    return assumed


def _require_distinct_fields(settings: ScriptSettings) -> None:
    for key, forecast, truth in (
        ("", settings.forecast, settings.truth),
        ("training_", settings.training_forecast, settings.training_truth),
    ):
        if forecast is None or truth is None:
            continue
        ours, theirs = field_file(forecast), field_file(truth)
        names = ours.key or settings.variable, theirs.key or settings.truth_variable
        same = PurePath(ours.path) == PurePath(theirs.path) and ours.select == theirs.select
        if same and names[0] == names[1]:
            raise ConfigError(
                f"trainer.{key}forecast and trainer.{key}truth are both {ours.path!r}, so that "
                "every forecast is perfect; name another file, or trainer.variable and "
                "trainer.truth_variable"
            )


def _require_distinct_results(settings: ScriptSettings) -> None:
    key_of: dict[tuple[PurePath, str | None], str] = {}
    for key, name in settings.results.items():
        given = getattr(settings, key)
        array = given.key if isinstance(given, FieldFile) else None
        other = key_of.setdefault((PurePath(name), array), key)
        if other != key:
            raise ConfigError(
                f"trainer.{other} and trainer.{key} are both {name!r}, and each is a result of its "
                "own; have the script write one of them to another file"
            )


def _require_path_in_copy(key: str, name: str, settings: ScriptSettings) -> None:
    path = PurePath(name)
    if not path.name:
        raise ConfigError(f"trainer.{key} is {name!r}, which is not the name of a file; give one")
    if path.is_absolute() or ".." in path.parts:
        raise ConfigError(
            f"trainer.{key} is {name!r}, outside the folder of a trial; have the script write "
            "below the folder it is run in"
        )
    for link in settings.links:
        if path.is_relative_to(link):
            raise ConfigError(
                f"trainer.{key} is {name!r}, in {link!r}, which trainer.links shares between "
                "trials; write it elsewhere"
            )
