"""Settings of the user's training script, run as a trial in place of a predictor."""

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from fieldsharp.fields.settings import Settings
from fieldsharp.sweep.configuration.execution import Duration, seconds
from fieldsharp.sweep.configuration.placeholders import placed_names
from fieldsharp.sweep.configuration.ranges import GivenValue, Scalar
from fieldsharp.sweep.configuration.script_results import (
    FieldSetting,
    MetricsSetting,
    ProgressColumns,
    ProgressSetting,
    path_of,
    require_progress_has_metrics,
    require_same_frames,
)

NEEDED = ("gradient", "peak", "rmse")
"""Metrics that the score is computed from."""
BASELINE_VALUES: dict[str, Scalar] = {"gradient_weight": 0.0}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONSTANT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(\.[\w-]+)*")
_FILE_ENTRY = re.compile(r"(.+?\.(?:yaml|yml|toml|json)):(.+)", re.DOTALL)


class FileEntry(NamedTuple):
    """An entry of a file: the path of the file in the project, and the dotted path of its key."""

    file: str
    key: str


def _words(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(
            f"must be a list of words such as [python, train.py], found {value!r}; nothing is run "
            "through a shell"
        )
    return [_word(one) for one in value]


def _word(value: Any) -> str:
    """Return a word of a command; an integer as it is written, since YAML takes 4 for a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # Of 1.10 or 1e-3 only the number is known here, not how it was written.
    raise ValueError(
        f"must be a list of words such as [python, train.py], found {value!r} among them; write it "
        'in quotes, as in "0.10" or "true"'
    )


def _names(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"names must be of letters, digits and underscores, found {name!r}; choose another "
                "and say under trainer.names what the script calls it"
            )
    return value


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression ({error}), found {text!r}; mend it") from error
    outside_sets = re.sub(r"\[(?:\\.|[^\]])*\]", "", text.replace(r"\\", ""))
    is_spread = re.search(r"(?:\\n|\n)(?![?*|)])", outside_sets) is not None
    if is_spread and not pattern.flags & re.VERBOSE:
        raise ValueError(
            f"has a line break, found {text!r}, and is applied to one line after the other, so it "
            "never matches; write only what stands in the line of the number"
        )
    return pattern


def is_constant(name: str) -> bool:
    """Whether a script's name of a value is a constant of a module, ``module:NAME``."""
    return _CONSTANT.fullmatch(name) is not None


Command = Annotated[tuple[str, ...], BeforeValidator(_words), Field(min_length=1)]
Values = Annotated[dict[str, Scalar], AfterValidator(_names)]
GivenValues = Annotated[dict[str, GivenValue], AfterValidator(_names)]


class ScriptSettings(Settings):
    """A script of yours, run for every trial in a copy of its project."""

    command: Command = Field(
        description="program and arguments, such as [python, train.py]; python is the "
        "interpreter that runs the sweep; {name} in an argument is the value of that name, and "
        "{{name}} the text {name}"
    )
    then: Command | None = Field(
        None,
        description="second command, run after the first in the same copy, such as [python, "
        "spatial_analysis.py]; only command gets flags",
    )
    project: str = Field(
        ".",
        description="folder of the script, never written to; a relative path in a YAML file is "
        "relative to that file",
    )
    links: tuple[str, ...] = Field(
        (),
        description="files and folders of the project that are linked instead of copied, such "
        "as its data",
    )
    leave_out: tuple[str, ...] = Field(
        (),
        description="folders of the project that are empty in the copy, such as results of "
        "earlier runs",
    )
    values: Literal["flags", "json", "env", "constants"] = Field(
        "flags",
        description="how values reach the script: as --name value, in the JSON file that "
        "$SWEEP_VALUES names, as environment variables, or in place of constants of its modules; a "
        "value placed in command or then is passed so only if trainer.names has it",
    )
    names: Annotated[dict[str, str], AfterValidator(_names)] = Field(
        default_factory=dict,
        description="the script's name of each value: --flag, key, VARIABLE, for constants "
        "module:NAME, in a class or dictionary module:Name.NAME, or under any trainer.values an "
        "entry of a YAML, TOML or JSON file of the project, config.yaml:optimizer.lr",
    )
    ask_help: bool = Field(
        False,
        description="run the command with --help, for 10 s at most, in a copy of the project, to "
        "learn its flags; without it they are read from the script's Python source",
    )
    given: GivenValues = Field(
        default_factory=dict,
        description="the script's present values of all searched parameters, and further fixed "
        "ones, which may be lists; {project} means the folder of the project",
    )
    baseline: Values = Field(
        default_factory=lambda: dict(BASELINE_VALUES),
        min_length=1,
        description="values of the trial that all others are compared with: no gradient term",
    )
    forecast: FieldSetting | None = Field(
        None,
        description="file to which the script writes its forecast, compared with trainer.truth; "
        "of several arrays, or with axes of its own, a mapping as below",
    )
    truth: FieldSetting | None = Field(
        None,
        description="file with the truth at the same times; {project} means the folder of the "
        "project",
    )
    training_forecast: FieldSetting | None = Field(
        None,
        description="file to which the script writes its forecast of training frames, on which "
        "sharpeners are fitted with trainer.training_truth",
    )
    training_truth: FieldSetting | None = Field(
        None,
        description="file with the truth at the times of trainer.training_forecast; {project} "
        "means the folder of the project",
    )
    variable: str | None = Field(
        None, description="name in the forecast files, if they have several variables"
    )
    truth_variable: str | None = Field(
        None,
        description="name in the truth files, if they have several variables and the name differs",
    )
    metrics: MetricsSetting | None = Field(
        None,
        description="JSON file to which the script writes gradient, peak, rmse and other metrics, "
        "or a mapping as below",
    )
    patterns: Annotated[dict[str, str], AfterValidator(_names)] = Field(
        default_factory=dict,
        description="regular expressions by metric, applied to the script's output; the first "
        "group is the number, the last match counts",
    )
    progress: ProgressSetting | None = Field(
        None,
        description="regular expression for the line that the script prints after each epoch, "
        "with the groups epoch (from 1), gradient, peak and rmse, or a mapping as below",
    )
    resumes: bool = Field(
        False,
        description="the script resumes from its checkpoint in the folder $SWEEP_CHECKPOINTS, "
        "which it writes before it prints the line of an epoch",
    )
    timeout: Duration = Field(
        "2h", description="a script that runs for longer is ended, and its trial fails"
    )
    units: str = Field("", description="units of the field, if there is no data section")

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The commands of a trial, in order."""
        return [self.command, *([self.then] if self.then else [])]

    @property
    def placed(self) -> frozenset[str]:
        """The names of the values that stand in braces in the commands."""
        return placed_names(word for command in self.commands for word in command[1:])

    @property
    def results(self) -> dict[str, str]:
        """The files that the script writes, by setting."""
        names = ("forecast", "training_forecast", "metrics")
        return {name: path_of(one) for name in names if (one := getattr(self, name)) is not None}

    @property
    def timeout_s(self) -> float:
        """The time limit in seconds."""
        return seconds(self.timeout)

    @field_validator("patterns")
    @classmethod
    def _patterns_have_a_group(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if _pattern(text).groups < 1:
                raise ValueError(
                    f"the pattern of {name} has no group, found {text!r}; put the number in "
                    "parentheses"
                )
        return value

    @field_validator("progress")
    @classmethod
    def _progress_has_its_groups(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        wanted = ("epoch", *NEEDED)
        missing = [g for g in wanted if value and g not in _pattern(value).groupindex]
        if missing:
            raise ValueError(
                f"lacks the group{'s' if len(missing) > 1 else ''} {', '.join(missing)}, found "
                f"{value!r}; write the number of an epoch as (?P<epoch>\\d+)"
            )
        return value

    @model_validator(mode="after")
    def _something_comes_back(self) -> "ScriptSettings":
        for pair, purpose in (
            (("forecast", "truth"), "one is judged beside the other"),
            (("training_forecast", "training_truth"), "sharpeners are fitted on both"),
        ):
            has, lacks = sorted(pair, key=lambda name: getattr(self, name) is None)
            if getattr(self, has) is not None and getattr(self, lacks) is None:
                raise ValueError(
                    f"trainer.{has} is set and trainer.{lacks} is not, and {purpose}; name both "
                    "files"
                )
        for prefix in ("", "training_"):
            forecast = getattr(self, f"{prefix}forecast")
            if forecast is not None:
                require_same_frames(forecast, getattr(self, f"{prefix}truth"), prefix)
        if isinstance(self.progress, ProgressColumns):
            require_progress_has_metrics(self.metrics, NEEDED)
        if self.training_forecast is not None and self.forecast is None:
            raise ValueError(
                "trainer.training_forecast is set and trainer.forecast is not, and sharpeners "
                "change a forecast in a file, no numbers; set trainer.forecast and trainer.truth, "
                "or leave out trainer.training_forecast and trainer.training_truth"
            )
        lacking = [name for name in NEEDED if name not in self.patterns]
        if self.forecast is None and self.metrics is None and lacking:
            raise ValueError(
                "nothing that comes back from the script can be scored: it needs gradient, peak "
                f"and rmse, and trainer.patterns lacks {', '.join(lacking)}; set trainer.forecast "
                "and trainer.truth, trainer.metrics, or those patterns"
            )
        return self

    @model_validator(mode="after")
    def _constants_have_a_module(self) -> "ScriptSettings":
        # A default baseline is checked in script_rules, where the searched names are known.
        written = self.baseline if "baseline" in self.model_fields_set else ()
        for name in sorted({*self.given, *written, *self.names}):
            self.require_name(name)
        return self

    def require_name(self, name: str) -> None:
        """Check that a value can be passed to the script under its name.

        Raises:
            ValueError: If it cannot.
        """
        if not _NAME.fullmatch(name):
            _names({name: None})
        if self.file_entry(name) is not None or not self.is_passed(name):
            return
        if self.values == "constants" and not is_constant(self.names.get(name, "")):
            found = f"found {self.names[name]!r}" if name in self.names else "it is not there"
            raise ValueError(
                f"trainer.names.{name} must say which constant that is, as module:NAME such as "
                f"config:GRADIENT_LOSS_WEIGHT, {found}"
            )
        called = self.called(name)
        if "\0" in called or (self.values == "env" and ("=" in called or not called)):
            raise ValueError(
                f"trainer.names.{name} is {called!r}, which no environment variable or flag can be "
                "called; use letters, digits and underscores"
            )

    def called(self, name: str) -> str:
        """Return the script's name for a value."""
        default = {"flags": "--" + name.replace("_", "-"), "env": name.upper()}
        return self.names.get(name, default.get(self.values, name))

    def file_entry(self, name: str) -> FileEntry | None:
        """Return the entry of a file that a value is written to, None if it is written to none."""
        found = _FILE_ENTRY.fullmatch(self.names.get(name, ""))
        return FileEntry(found[1], found[2]) if found is not None else None

    @property
    def files_with_values(self) -> frozenset[PurePath]:
        """The files of the project that values are written to, by their paths in it."""
        entries = (self.file_entry(name) for name in self.names)
        return frozenset(PurePath(entry.file) for entry in entries if entry is not None)

    def is_passed(self, name: str) -> bool:
        """Whether a value is passed as ``trainer.values`` says.

        Not if it is written to a file, or stands in a command and has no entry in ``names``.
        """
        if name not in self.names:
            return name not in self.placed
        return self.file_entry(name) is None
