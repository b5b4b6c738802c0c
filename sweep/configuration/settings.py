"""The whole configuration of a sweep: one training, the search space, objective and budget."""

import json
from typing import Any, Literal

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fieldsharp.core.printable import is_printable, printable
from fieldsharp.core.suggestions import unknown
from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import ADAPTERS, NO_TERM
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.sweep.configuration.allowed_imports import (
    MEMBER,
    MODULE,
    require_allowed,
    require_allowed_module,
)
from fieldsharp.sweep.configuration.execution import (
    BudgetSettings,
    RaySettings,
    RecoverySettings,
    WorkerSettings,
)
from fieldsharp.sweep.configuration.members_rules import require_members
from fieldsharp.sweep.configuration.ranges import (
    GIVEN,
    SHORT_NAMES,
    Choices,
    NumberRange,
    Range,
    Scalar,
    ends,
    samples,
    set_value,
    setting_path,
    value_at,
)
from fieldsharp.sweep.configuration.run_settings import ENSEMBLE, RunSettings
from fieldsharp.sweep.configuration.script_rules import require_script_study, with_script_defaults
from fieldsharp.sweep.configuration.search_methods import PRUNERS
from fieldsharp.sweep.configuration.start_rules import require_start
from fieldsharp.sweep.configuration.tracking import TrackingSettings
from fieldsharp.sweep.configuration.training_length import fixed_length

WIDTH_WORD = "{width}"
"""Argument of a net of a library that becomes ``predictor.width``."""
ONE_TRAINING = "one training"
"""In the context of a validation: what is searched beside the settings need not fit them, since
one training is all that they are for."""
TERM_SETTINGS = ("loss.variant", "loss.gradient_weight", "loss.multi_step")
DEFAULT_SPACE: dict[str, NumberRange | Choices] = {
    "gradient_weight": NumberRange(low=0.01, high=10.0, log=True),
    "loss_variant": Choices(
        choices=(
            # The plan's own, of which only the frequency loss can move the optimum,
            "gradient",
            "sobel",
            "fourier_amplitude",
            "laplacian",
            "multiscale",
            # and those that were measured to sharpen.
            "gradient_magnitude",
            "gdl2",
            "amse_mix",
            "sorted",
            "sorted_gradients",
        )
    ),
    "multi_step": Choices(choices=("last", "all")),
    "learning_rate": NumberRange(low=1e-4, high=1e-2, log=True),
    "warmup_fraction": NumberRange(low=0.0, high=0.3),
}


def _is_for_one_training(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get(ONE_TRAINING))


def _setting_kind(name: str, path: str) -> Any:
    """Return the type of the setting at a searched path.

    Raises:
        ValueError: If there is none, with the nearest name.
    """
    model: type[BaseModel] = RunSettings
    if path.startswith(GIVEN):
        return None  # values of a script may have any type
    parts = path.split(".")
    for depth, part in enumerate(parts):
        field = model.model_fields.get(part)
        if field is None:
            known = [".".join([*parts[:depth], key]) for key in model.model_fields]
            raise ValueError(
                f"search.space.{name}: {unknown('setting', '.'.join(parts[: depth + 1]), known)}"
            )
        kind = field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            open_ended = part == "options" and depth < len(parts) - 1
            if depth == len(parts) - 1 or open_ended:
                return kind
            raise ValueError(f"search.space.{name}: {path} is no setting; {part} is a single value")
        model = kind
    raise ValueError(f"search.space.{name}: {path} is a section; name a setting in it")


class SearchSettings(Settings):
    """What is searched, by which sampler and pruner."""

    sampler: Literal["tpe", "random", "gp"] = Field(
        "tpe", description="method that chooses the trials after the presets"
    )
    pruner: Literal["auto", "none", "promotion", "median", "hyperband"] = Field(
        "auto",
        description="rule that stops training hopeless trials: promotion pauses them at rungs "
        "until they are among the best; median and hyperband, Optuna's, end them by "
        "their score after each epoch; auto is promotion if training.schedule is "
        "schedule_free, else none, since under a falling rate early scores predict "
        "little",
    )
    rungs: tuple[int, ...] | None = Field(
        None,
        description="promotion: epochs after which a trial is paused unless it is among the best; "
        "by default a quarter and a half of training.epochs",
    )
    promote_one_in: int = Field(
        3, ge=2, le=100, description="promotion: one of so many trials at a rung continues"
    )
    most_paused: int = Field(
        50,
        ge=1,
        le=10_000,
        description="promotion: most trials that are paused at a rung, with a checkpoint each; "
        "the worst beyond this number are given up",
    )
    pruner_startup_trials: int = Field(
        8, ge=0, description="median: number of complete trials before any is pruned"
    )
    pruner_warmup_epochs: int = Field(
        3, ge=0, description="median, hyperband: number of epochs before a trial can be pruned"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="seed of the sampler")
    repeats: Literal["none", "auto"] = Field(
        "none",
        description="auto: once the budget is used, the three best trials and the baseline are "
        "trained with further seeds, one after the other, until the best is told apart "
        "from the others or five seeds are not enough; a trial keeps its number and "
        "its score",
    )
    presets: Literal["plan", "sharpeners", "all", "baseline"] = Field(
        "plan",
        description="trials after the baseline (weight 0) and before the sampler's: plan, the "
        "rounds of the plan that the project started from; sharpeners, one trial of "
        "each loss that is known to sharpen; all, sharpeners and then plan; "
        "baseline, none",
    )
    space: dict[str, Range] = Field(
        default_factory=lambda: dict(DEFAULT_SPACE),
        min_length=1,
        description="by short name (" + ", ".join(SHORT_NAMES) + ") or by setting, such as "
        "predictor.width",
    )

    @field_validator("rungs", mode="before")
    @classmethod
    def _rungs_rise(cls, value: Any) -> Any:
        if value is None:
            return value
        given = list(value) if isinstance(value, list | tuple) else None
        if not given or any(type(rung) is not int or rung < 1 for rung in given):
            raise ValueError(
                f"must be a list of epochs such as [3, 6], found {value}; leave it out for the "
                "default"
            )
        if given != sorted(set(given)):
            raise ValueError(
                f"must rise, found {', '.join(map(str, given))}; put the smaller ones first"
            )
        return value

    @field_validator("space", mode="before")
    @classmethod
    def _names_are_known(cls, value: Any) -> Any:
        # Before the ranges are validated: a misspelt name is the likelier mistake.
        if not isinstance(value, dict):
            return value
        return {name: _fitting(str(name), searched) for name, searched in value.items()}


def _fitting(name: str, searched: Any) -> Any:
    """Return a range with fractional ends where its setting is fractional: low: 0 means 0.0."""
    kind = _setting_kind(name, setting_path(name))
    if kind is not float or not isinstance(searched, dict):
        return searched
    ends = {k: float(v) for k, v in searched.items() if k in ("low", "high") and type(v) is int}
    return {**searched, **ends}


class SweepConfig(RunSettings):
    """A sweep: one training, the settings varied in it, and how its trials are scored."""

    study: str = Field(
        "sweep", min_length=1, max_length=200, description="name of the study in the database"
    )
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings)
    search: SearchSettings = Field(default_factory=SearchSettings)
    budget: BudgetSettings = Field(default_factory=BudgetSettings)
    executor: Literal["local", "ray"] = Field(
        "local", description="where trials run: in processes of this machine, or on a Ray cluster"
    )
    workers: WorkerSettings = Field(default_factory=WorkerSettings)
    ray: RaySettings = Field(default_factory=RaySettings)
    recovery: RecoverySettings = Field(default_factory=RecoverySettings)
    tracking: TrackingSettings = Field(default_factory=TrackingSettings)

    @field_validator("study")
    @classmethod
    def _name_can_be_shown(cls, value: str) -> str:
        if not all(map(is_printable, value)):
            raise ValueError(
                f"must hold no control characters, found '{printable(value)}'; choose another name"
            )
        return value

    @property
    def pruner(self) -> str:
        """The pruner by name, with ``auto`` resolved."""
        if self.search.pruner != "auto":
            return self.search.pruner
        if self.trainer is not None:
            return "promotion" if self.trainer.resumes and self.trainer.progress else "none"
        schedules = self._reachable("training.schedule", self.training.schedule)
        return "promotion" if schedules == {"schedule_free"} else "none"

    @property
    def promotes(self) -> bool:
        """Whether trials are paused at rungs."""
        return PRUNERS[self.pruner].rung_rule is not None

    @property
    def starts_from_baseline(self) -> bool:
        """Whether a trial of the sweep may go on from the weights of the baseline."""
        return "baseline" in self._reachable("training.start", self.training.start)

    @property
    def needs_baseline_first(self) -> bool:
        """Whether no other trial begins before the baseline has ended.

        Its length, its weights or, for members, the ensembles that are made from it are needed.
        """
        finds_length = self.training.length != "fixed"
        return finds_length or self.starts_from_baseline or self.objective.judges_members

    @property
    def run(self) -> RunSettings:
        """The settings of one training."""
        return RunSettings(**{name: getattr(self, name) for name in RunSettings.model_fields})

    def with_length(self, epochs: int) -> "SweepConfig":
        """Return the configuration with a fixed length where it is ``auto``."""
        return self.model_copy(update={"training": fixed_length(self.training, epochs)})

    @property
    def has_data(self) -> bool:
        """Whether there is a data file, or only metrics reported by a script."""
        return bool(self.data.path)

    @model_validator(mode="before")
    @classmethod
    def _fill_in_script_defaults(cls, value: Any) -> Any:
        is_script = isinstance(value, dict) and value.get("trainer") is not None
        return with_script_defaults(value) if is_script else value

    @model_validator(mode="after")
    def _script_can_be_searched(self) -> "SweepConfig":
        require_script_study(
            self.trainer,
            self.search.space,
            self.objective,
            self.pruner,
            self.sharpening.name,
            self.search.repeats,
            has_data=self.has_data,
        )
        return self

    @model_validator(mode="after")
    def _members_can_be_judged(self, info: ValidationInfo) -> "SweepConfig":
        if _is_for_one_training(info):  # such as the export of a baseline, which has none
            return self
        names = self._reachable("predictor.name", self.predictor.name)
        require_members(self.objective, names, self.trainer)
        return self

    @model_validator(mode="after")
    def _targets_are_of_what_is_predicted(self) -> "SweepConfig":
        predicted = self.data.predicted
        if len(predicted) > 1 and self.trainer is not None:
            raise ValueError(
                f"data.predict names {len(predicted)} variables, and a script of trainer is judged "
                f"by one; name one of them, such as data.predict={predicted[0]}, in a study each"
            )
        self.objective.targets.require_names(predicted)
        return self

    @model_validator(mode="after")
    def _length_can_be_found(self, info: ValidationInfo) -> "SweepConfig":
        if self.training.length == "fixed":
            return self
        if self.trainer is not None:
            raise ValueError(
                "training.length is auto, and a script of trainer trains for as long as it likes; "
                "set training.epochs to the epochs it trains"
            )
        if _is_for_one_training(info):
            return self
        if self.search.rungs is not None:
            raise ValueError(
                f"search.rungs is {', '.join(map(str, self.search.rungs))} and training.length "
                "auto, under which the number of epochs is not known before; leave search.rungs "
                "out, or set training.epochs in place of training.length"
            )
        if self.searched("training.epochs") is not None:
            raise ValueError(
                "search.space.training.epochs is searched and training.length is auto, which finds "
                "the epochs of every trial; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _start_can_be_searched(self, info: ValidationInfo) -> "SweepConfig":
        if not _is_for_one_training(info):
            starts = self._reachable("training.start", self.training.start)
            names = self._reachable("predictor.name", self.predictor.name)
            space = [setting_path(name) for name in self.search.space]
            require_start(starts, space, self.pruner, names)
        return self

    @model_validator(mode="after")
    def _script_needs_a_shared_folder(self) -> "SweepConfig":
        if self.trainer is not None and self.executor == "ray" and self.ray.checkpoints is not None:
            raise ValueError(
                f"ray.checkpoints is {self.ray.checkpoints}, and nothing that a script of trainer "
                "writes is carried there; leave it out and put the database into a folder that "
                "every node sees"
            )
        return self

    @model_validator(mode="after")
    def _searched_classes_are_listed(self) -> "SweepConfig":
        names: set[object] = set(self._reachable("predictor.name", self.predictor.name))
        for name in names:
            require_allowed("search.space.predictor.name", name, self.plugins)
        if ENSEMBLE in names:  # whether or not its members are searched too
            setting, members = self._option_reached(MEMBER)
            for member in members:
                require_allowed(setting, member, self.plugins)
            names |= set(members)
        setting, modules = self._option_reached(MODULE)
        for module in modules:
            require_allowed_module(setting, module, names, self.plugins)
        return self

    def _option_reached(self, path: str) -> tuple[str, tuple[Scalar | None, ...]]:
        """Return the setting that gives an option of the predictor, and its possible values."""
        searched = self.searched(path)
        if searched is not None:
            return f"search.space.{path}", ends(searched)
        return path, (value_at(self.run.model_dump(), path),)

    @model_validator(mode="after")
    def _space_fits_the_settings(self, info: ValidationInfo) -> "SweepConfig":
        if _is_for_one_training(info):
            return self
        by_path: dict[str, str] = {}
        space = self.search.space.items()
        # A single choice is what every trial has, whatever is configured.
        single = {
            setting_path(name): searched.choices[0]
            for name, searched in space
            if isinstance(searched, Choices) and len(searched.choices) == 1
        }
        for name, searched in space:
            path = setting_path(name)
            if path in by_path:
                raise ValueError(
                    f"search.space names {path} twice, as {by_path[path]} and {name}; keep one"
                )
            by_path[path] = name
            for value in samples(searched):
                error = self._misfit({path: value})
                if error is not None and self._misfit({**single, path: value}) is not None:
                    detail = error.errors()[0]["msg"].removeprefix("Value error, ")
                    raise ValueError(
                        f"search.space.{name} allows {value!r}, but {path}: {detail}"
                    ) from error
        return self

    def _misfit(self, values: dict[str, Scalar]) -> ValidationError | None:
        """Return why no training can have these values, by dotted path; None where one can."""
        try:
            self.run_with(values)
        except ValidationError as error:
            return error
        return None

    @model_validator(mode="after")
    def _searched_width_has_an_effect(self) -> "SweepConfig":
        names = self._reachable("predictor.name", self.predictor.name)
        used = WIDTH_WORD in json.dumps(self.predictor.options)
        if self.searched("predictor.width") is not None and names <= ADAPTERS.keys() and not used:
            raise ValueError(
                "search.space.predictor.width has no effect on the predictor "
                f"{self.predictor.name}; search predictor.options.arguments.NAME of its net, or "
                f"give the argument as '{WIDTH_WORD}'"
            )
        return self

    @model_validator(mode="after")
    def _front_is_not_pruned(self, info: ValidationInfo) -> "SweepConfig":
        if _is_for_one_training(info):
            return self
        if self.objective.mode == "pareto" and PRUNERS[self.pruner].by_score is not None:
            raise ValueError(
                f"search.pruner is {self.search.pruner}, which compares one score, and "
                "objective.mode is pareto; set search.pruner to promotion or none"
            )
        return self

    @model_validator(mode="after")
    def _rungs_lie_within(self, info: ValidationInfo) -> "SweepConfig":
        if _is_for_one_training(info):
            return self
        given = self.search.rungs
        if given is not None and not self.promotes:
            raise ValueError(
                f"search.rungs has no effect while search.pruner is {self.search.pruner} and "
                f"training.schedule {self.training.schedule}; set search.pruner to promotion, or "
                "leave search.rungs out"
            )
        if given is not None and given[-1] >= self.training.epochs:
            raise ValueError(
                f"search.rungs ends with {given[-1]}, and training.epochs is "
                f"{self.training.epochs}, where every trial ends; name rungs below that"
            )
        return self

    @model_validator(mode="after")
    def _searched_loss_has_an_effect(self, info: ValidationInfo) -> "SweepConfig":
        if _is_for_one_training(info):
            return self
        variants = self._reachable("loss.variant", self.loss.variant)
        weights = self._reachable("loss.gradient_weight", self.loss.gradient_weight)
        peak_weights = self._reachable("loss.peak_weight", self.loss.peak_weight)
        terms = [name for name in self.search.space if setting_path(name) in TERM_SETTINGS]
        if peak_weights != {0}:  # then the choice of steps applies to the peak term
            terms = [name for name in terms if setting_path(name) != "loss.multi_step"]
        for name in self.search.space:
            if setting_path(name) == "loss.peak_variant" and peak_weights == {0}:
                raise ValueError(
                    f"search.space.{name} has no effect while loss.peak_weight is 0; set "
                    "loss.peak_weight or search peak_weight too"
                )
        if terms and variants == {NO_TERM}:
            raise ValueError(
                f"search.space.{terms[0]} has no effect while loss.variant is none; set "
                "loss.variant or search loss_variant too"
            )
        if terms and weights == {0}:
            raise ValueError(
                f"search.space.{terms[0]} has no effect while loss.gradient_weight is 0; set "
                "loss.gradient_weight or search gradient_weight too"
            )
        return self

    def searched(self, path: str) -> NumberRange | Choices | None:
        """Return the range of the setting at a dotted path, None if it is not searched."""
        for name, searched in self.search.space.items():
            if setting_path(name) == path:
                return searched
        return None

    def searched_values(self, path: str) -> list[Scalar]:
        """Return the value at a dotted path, and the choices or ends of its searched range."""
        configured, searched = value_at(self.run.model_dump(), path), self.searched(path)
        values = [
            *([] if configured is None else [configured]),
            *(ends(searched) if searched else ()),
        ]
        return list(dict.fromkeys(values))

    def _reachable(self, path: str, configured: Scalar) -> set[Scalar]:
        """Return the values a setting can take: its choices or ends where it is searched."""
        searched = self.searched(path)
        return {configured} if searched is None else set(ends(searched))

    def run_with(self, values: dict[str, Scalar]) -> RunSettings:
        """Return one training's settings with some replaced, by dotted path.

        Raises:
            ValueError: If a path is no setting or a value is out of its range.
        """
        tree = self.run.model_dump()
        for path, value in values.items():
            set_value(tree, path, value)
        return RunSettings.model_validate(tree)
