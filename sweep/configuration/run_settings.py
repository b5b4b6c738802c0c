"""Settings of one training: data, predictor, loss, optimiser, or a script in their place."""

from typing import Any

from pydantic import Field, model_validator

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
