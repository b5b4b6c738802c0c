"""What a sweep whose members are judged together needs."""

from collections.abc import Collection

from fieldsharp.model.registry import PREDICTORS
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.sweep.configuration.run_settings import ENSEMBLE
from fieldsharp.sweep.configuration.script_settings import ScriptSettings


def require_members(
    objective: ObjectiveSettings, predictors: Collection[object], trainer: ScriptSettings | None
) -> None:
    """Check that every trial has members, where they are judged together.

    Args:
        objective: Of the sweep.
        predictors: Names that trials may have.
        trainer: A script in place of the predictor.

    Raises:
        ValueError: If a trial could have none.
    """
    if not objective.judges_members:
        return
    if trainer is not None:
        raise ValueError(
            "objective.mode is members, and a script of trainer hands over one forecast; set "
            "objective.mode to score, or leave trainer out"
        )
    for name in sorted(map(str, predictors)):
        if name in PREDICTORS and name != ENSEMBLE:
            raise ValueError(
                f"objective.mode is members, and predictor.name {name} draws none; set "
                f"predictor.name to {ENSEMBLE} and predictor.options.member to {name}, or "
                "objective.mode to score"
            )
