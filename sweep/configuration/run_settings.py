"""Settings of one training: data, predictor, loss, optimiser, or a script in their place."""

from typing import Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from fieldsharp.fields.settings import DataSettings, Settings
from fieldsharp.model.registry import MEMBER_LOSSES, PREDICTORS
from fieldsharp.model.settings import (
    LossSettings,
    PredictorSettings,
    SharpeningSettings,
    TrainingSettings,
)
from fieldsharp.sweep.configuration.allowed_imports import (
    MEMBER,
    MODULE,
    Plugins,
    require_allowed,
    require_allowed_module,
    require_listed,
)
from fieldsharp.sweep.configuration.script_settings import ScriptSettings

ENSEMBLE = "ensemble"


class StartSettings(Settings):
    """What the baseline was trained with whose weights a training goes on from."""

    predictor: PredictorSettings
    loss: LossSettings
    training: TrainingSettings

    @field_validator("training")
    @classmethod
    def _is_known_and_fresh(cls, value: TrainingSettings) -> TrainingSettings:
        if value.length != "fixed" or value.start != "fresh":
            raise ValueError(
                f"has the length {value.length} and the start {value.start}, and the training that "
                "comes first must have length fixed and start fresh; leave start_from as export "
                "wrote it"
            )
        return value


class RunSettings(Settings):
    """Everything one training depends on."""

    data: DataSettings
    predictor: PredictorSettings = Field(default_factory=PredictorSettings)
    loss: LossSettings = Field(default_factory=LossSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    sharpening: SharpeningSettings = Field(default_factory=SharpeningSettings)
    plugins: Plugins = Field(
        (),
        description="modules and packages from which your classes and functions may be "
        "imported, such as [my_project]",
    )
    trainer: ScriptSettings | None = Field(
        None, description="a script of yours that is run for every trial in place of the predictor"
    )
    start_from: StartSettings | None = Field(
        None,
        description="of one training with training.start baseline, as export writes it: what the "
        "baseline was trained with, which train and confirm train first",
    )

    @model_validator(mode="before")
    @classmethod
    def _ensembles_use_the_crps(cls, value: Any) -> Any:
        """Give an ensemble the CRPS of its members where its base loss is none of members.

        Under a pointwise base all members would become the same forecast.
        """
        if isinstance(value, dict) and _named(value, "predictor", "name") == ENSEMBLE:
            loss = value.get("loss") or {}
            if isinstance(loss, dict) and loss.get("base") not in MEMBER_LOSSES:
                return {**value, "loss": {**loss, "base": "crps"}}
        return value

    @model_validator(mode="after")
    def _classes_are_listed(self) -> "RunSettings":
        require_allowed("predictor.name", self.predictor.name, self.plugins)
        options, names = self.predictor.options, [self.predictor.name]
        if self.predictor.name == ENSEMBLE:
            require_allowed(MEMBER, options.get("member"), self.plugins)
            names.append(str(options.get("member")))
        require_allowed_module(MODULE, options.get("module"), names, self.plugins)
        for setting in ("variant", "peak_variant"):
            require_listed(f"loss.{setting}", "function", getattr(self.loss, setting), self.plugins)
        require_listed("sharpening.name", "class", self.sharpening.name, self.plugins)
        return self

    @model_validator(mode="after")
    def _start_is_possible(self) -> "RunSettings":
        if self.training.start == "baseline" and self.trainer is not None:
            raise ValueError(
                "training.start is baseline, and a script of trainer begins with weights of its "
                "own; leave training.start out"
            )
        if self.training.start == "fresh" and self.start_from is not None:
            raise ValueError(
                "start_from names a training that comes first, and training.start is fresh, which "
                "needs none; set training.start to baseline, or leave start_from out"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_an_absent_start(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what only a training that goes on from another one has."""
        tree: dict[str, Any] = write(self)
        if tree.get("start_from") is None:
            tree.pop("start_from", None)
        return tree

    @model_validator(mode="after")
    def _crps_has_members(self) -> "RunSettings":
        base, name = self.loss.base, self.predictor.name
        if base in MEMBER_LOSSES and name in PREDICTORS and name != ENSEMBLE:
            raise ValueError(
                f"loss.base is {base}, which judges the members of an ensemble, and predictor.name "
                f"is {name}, which has none; set predictor.name to ensemble"
            )
        return self


def _named(tree: Any, section: str, key: str) -> Any:
    part = tree.get(section)
    return part.get(key) if isinstance(part, dict) else getattr(part, key, None)
