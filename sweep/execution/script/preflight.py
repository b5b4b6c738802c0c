"""Checks a script's configuration before any trial starts, and resolves its targets."""

import logging
import math
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path, PurePath

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.suggestions import nearest
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.configuration.placeholders import PROJECT_NAME, placeholders
from fieldsharp.sweep.configuration.ranges import OF_SCRIPT, GivenValue, samples
from fieldsharp.sweep.configuration.script_results import FieldFile, field_file, path_of
from fieldsharp.sweep.configuration.script_settings import ScriptSettings, is_constant
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.execution.script.constant_rewriter import module_file
from fieldsharp.sweep.execution.script.flags_in_help import flags_in_help
from fieldsharp.sweep.execution.script.launch import (
    ScriptCall,
    command_lines,
    command_words,
    find_program,
    flag_of,
    prepare,
    script_values,
    write_constants,
    write_entries,
)
from fieldsharp.sweep.execution.script.metric_rows import (
    TENSORBOARD_MISSING,
    has_tensorboard,
    may_be_events,
)
from fieldsharp.sweep.execution.script.project_copy import (
    project_files,
    project_sha256,
    require_project,
)
from fieldsharp.sweep.execution.script.project_snapshot import results_left_out
from fieldsharp.sweep.execution.script.reassigned_values import reassigned_values
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.formatting import PROJECT
from fieldsharp.sweep.study.observed_truth import with_observed
from fieldsharp.sweep.study.provenance import provenance

logger = logging.getLogger(__name__)

WEIGHED_WHERE_POSSIBLE = (
    "errors, means, skill and correlations weigh each cell by the cosine of its latitude where the "
    "truth of the script has latitudes"
)


def require_script(config: SweepConfig) -> CommandLine:
    """Check that a script can be run and given its values; return what its command line takes.

    Raises:
        ConfigError: If a requirement does not hold.
    """
    requirements = ScriptRequirements(config)
    for require in requirements.by_name.values():
        require()
    for sentence in reassigned_values(_trainer(config), requirements.command_line):
        logger.warning("%s: %s", config.study, sentence)
    for sentence in results_left_out(_trainer(config)):
        logger.info("%s: %s", config.study, sentence)
    return requirements.command_line


def _trainer(config: SweepConfig) -> ScriptSettings:
    assert config.trainer is not None, "called for scripts only"
    return config.trainer


def _require_commands(config: SweepConfig) -> None:
    """Check that the project can be copied, and its programs and scripts are there."""
    settings = _trainer(config)
    require_project(settings)
    for key, command in zip(("command", "then"), settings.commands, strict=False):
        _require_command(f"trainer.{key}", command, settings)


def _require_values(config: SweepConfig, requirements: "ScriptRequirements") -> None:
    """Check that every value that a trial can have reaches the script as that value."""
    settings = _trainer(config)
    possible = _possible_values(config)
    _require_known_names(settings, possible)
    present = {name: values[0] for name, values in possible.items()}
    try:
        lines = command_lines(settings, Path(settings.project), present, requirements.command_line)
        _require_flags(settings, lines, possible)
        passed = {name: present[name] for name in possible if settings.is_passed(name)}
        if settings.values == "constants":
            called = {settings.called(name): value for name, value in passed.items()}
            write_constants(Path(settings.project), called, write=False)
            for name in sorted(called):
                module = name.partition(":")[0]
                path = module_file(Path(settings.project), module)
                _require_copied(f"module {module!r}", path, settings)
        for file in sorted(settings.files_with_values):
            _require_file(str(file), settings)
        for name, values in possible.items():
            for value in values:
                one = {**present, name: value}
                command_words(settings, Path(settings.project), one, lines[0])
                if settings.file_entry(name) is not None:
                    write_entries(settings, Path(settings.project), {name: value}, write=False)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be read ({error.strerror}); make it readable"
        ) from error


def _require_results(config: SweepConfig) -> None:
    """Check that results are written to the trial's own folder, each to its own file."""
    settings = _trainer(config)
    for key, name in settings.results.items():
        _require_path_in_copy(key, name, settings)
    _require_distinct_fields(settings)
    _require_distinct_results(settings)
    name = path_of(settings.metrics) if settings.metrics is not None else ""
    if may_be_events(name) and not has_tensorboard():
        raise ConfigError(f"trainer.metrics {name} {TENSORBOARD_MISSING}")


class ScriptRequirements:
    """What ``check`` reports and ``start`` requires of a script.

    Attributes:
        by_name: Each requirement by the name of its check; it raises ``ConfigError``.
    """

    def __init__(self, config: SweepConfig) -> None:
        self._config = config
        self.by_name: dict[str, Callable[[], None]] = {
            "script": lambda: _require_commands(config),
            "values": lambda: _require_values(config, self),
            "what comes back": lambda: _require_results(config),
        }

    @cached_property
    def command_line(self) -> CommandLine:
        """What the first command's script takes: read once, since its help may have to be run."""
        return known_command_line(_trainer(self._config))


def known_command_line(settings: ScriptSettings) -> CommandLine:
    """Return what the first command's script takes, from its source and, if asked, its help.

    Raises:
        ConfigError: If its help cannot be had.
    """
    project, values = Path(settings.project), script_values(settings)
    line = command_lines(settings, project, values)[0]
    if not settings.ask_help:
        return line

    def call_in(folder: Path) -> ScriptCall:
        alone = settings.model_copy(update={"values": "json", "then": None})
        call = prepare(alone, folder, {}, line)[0]
        return ScriptCall([*call.command, "--help"], call.environment)

    return flags_in_help(settings, line, call_in)


def _possible_values(config: SweepConfig) -> dict[str, list[GivenValue]]:
    """Return values of every name that a trial can have, the present or baseline's first."""
    settings = _trainer(config)
    possible: dict[str, list[GivenValue]] = {}
    for name, value in (*script_values(settings).items(), *settings.baseline.items()):
        possible.setdefault(name, []).append(value)
    for name, searched in config.search.space.items():
        possible.setdefault(name.removeprefix(OF_SCRIPT), []).extend(samples(searched))
    return possible


def _require_known_names(settings: ScriptSettings, possible: Collection[str]) -> None:
    for key, command in zip(("command", "then"), settings.commands, strict=False):
        for word in command[1:]:
            for name in placeholders(word):
                if name in possible or name == PROJECT_NAME:
                    continue
                guess = nearest(name, [*possible, PROJECT_NAME])
                hint = f"did you mean {{{guess}}}?" if guess else "search it, or set it there"
                raise ConfigError(
                    f"trainer.{key} has {{{name}}} in {word!r}, and {name} is neither searched "
                    f"nor under trainer.given; {hint} The text {{{name}}} itself is written "
                    f"{{{{{name}}}}}"
                )
    unused = next((name for name in settings.names if name not in possible), None)
    if unused is not None:
        guess = nearest(unused, possible)
        hint = f"did you mean {guess}?" if guess else "leave it out"
        raise ConfigError(
            f"trainer.names names {unused}, which is neither searched nor under trainer.given; "
            f"{hint}"
        )


def _require_flags(
    settings: ScriptSettings, lines: Sequence[CommandLine], possible: Collection[str]
) -> None:
    for key, command, line in zip(("command", "then"), settings.commands, lines, strict=False):
        line.require_flags(command, f"trainer.{key}")
    if settings.values != "flags":
        return
    for name in possible:
        if not settings.is_passed(name):
            continue
        flag = flag_of(settings, lines[0], name)
        if is_constant(flag):
            raise ConfigError(
                f"trainer.names.{name} is {flag!r}, a constant of a module, and trainer.values is "
                "flags; set trainer.values to constants, or name a flag"
            )
        if lines[0].grammar == "hydra":
            raise ConfigError(
                f"{name} would be passed as the flag {flag}, and the script is one of Hydra's, "
                f"which takes key=value; put a word such as optimizer.lr={{{name}}} into "
                "trainer.command, with the key that it has there"
            )
        if flag.startswith("--"):
            lines[0].require_flag(flag, f"{name} would be passed as")


def _require_file(file: str, settings: ScriptSettings) -> None:
    """Check that a file that values are written to is part of each trial's copy."""
    project, path = Path(settings.project), PurePath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ConfigError(
            f"trainer.names names the file {file!r}, which lies outside the project; name a file "
            "that is copied for each trial, by its path in trainer.project"
        )
    _require_copied(f"file {file!r}", project / path, settings)
    if (project / path).is_file() and path not in set(project_files(project)):
        raise ConfigError(
            f"trainer.names names the file {file!r}, which is not copied for trials; move it "
            "to another folder"
        )


def _require_command(key: str, command: Sequence[str], settings: ScriptSettings) -> None:
    find_program(settings, command[0])
    project, values = Path(settings.project), script_values(settings)
    first = next((word for word in command[1:] if not word.startswith("-")), "")
    words = CommandLine().fill(first, values, settings.project)
    script = words[0] if len(words) == 1 else ""
    if not script.endswith(".py"):
        return
    if not (project / script).is_file():
        raise ConfigError(
            f"{key} runs {script}, and {project} has no such file; name a script of trainer.project"
        )
    if settings.values == "constants" and PROJECT in first:
        raise ConfigError(
            f"{key} runs {first}, the original, in which no constant is replaced; name it as it "
            "is called within the project"
        )


def _require_copied(what: str, path: Path, settings: ScriptSettings) -> None:
    """Check that a file in which values are written is part of each trial's copy."""
    inside = path.relative_to(settings.project)
    for key, excluded in (("links", settings.links), ("leave_out", settings.leave_out)):
        for name in excluded:
            if inside.is_relative_to(name):
                raise ConfigError(
                    f"trainer.names names the {what}, in {name!r} of trainer.{key}, "
                    f"which is not copied for trials; take it out of trainer.{key}"
                )


def summarise_script_data(config: SweepConfig) -> DataSummary:
    """Return the data summary of a field that only the script reads: its targets.

    Targets given as numbers: the observed value is assumed to be the target divided by
    ``objective.auto_share``, which gives the target band its ceiling; the peak is measured from 0.
    With auto among them they are taken from the truth, perhaps not before its baseline has ended.

    Raises:
        FieldsharpError: If a target cannot be used, or a truth that is there cannot be read.
    """
    settings = _trainer(config)
    gradient = peak = None
    if not _is_automatic(config.objective):
        targets = resolve_targets(config.objective, _assumed_observations(config.objective))
        gradient, peak = BandSummary.of(targets.gradient), BandSummary.of(targets.peak)
    facts = DataSummary(
        variable=settings.variable or "field",
        units=settings.units,
        gradient=gradient,
        peak=peak,
        gradient_observed=None,
        peak_observed=None,
        mean_observed=None,
        rmse_persistence=None,
        windows={},
        provenance=provenance(None, project_sha256(settings)),
        measures=config.objective.measures,
        grid_notes=(WEIGHED_WHERE_POSSIBLE,) if config.objective.area_weights == "auto" else (),
    )
    if facts.targets_known:
        return facts
    # It needs torch, which no other part of this module does.
    from fieldsharp.sweep.execution.script.truth_before_trials import observed_before_trials

    observed = observed_before_trials(settings, config.objective.measures)
    return facts if observed is None else with_observed(facts, config.objective, observed)


def _is_automatic(objective: ObjectiveSettings) -> bool:
    return "auto" in (objective.targets.gradient, objective.targets.peak)


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
