"""Rules for a sweep over a script that involve more than the settings of the script."""

import json
from collections.abc import Collection
from typing import Any

from fieldsharp.model.registry import BEST_SHARPENER, NO_SHARPENER
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.sweep.configuration.ranges import OF_SCRIPT
from fieldsharp.sweep.configuration.script_settings import ScriptSettings

NO_DATA = {"path": ""}
"""Placeholder for the data of a script that reads its own."""


def with_script_defaults(tree: dict[str, Any]) -> dict[str, Any]:
    """Fill in the settings of a sweep that trains a script.

    Searched names get the prefix of script values.

    Raises:
        ValueError: If nothing is searched.
    """
    search = tree.get("search")
    space = search.get("space") if isinstance(search, dict) else None
    if search is None or (isinstance(search, dict) and not space):
        raise ValueError(
            "search.space is missing, and a script has no search of its own; name what is searched "
            "and between which ends"
        )
    changed = {**tree, "data": tree.get("data") or NO_DATA}
    if isinstance(space, dict):
        named = {OF_SCRIPT + str(n).removeprefix(OF_SCRIPT): space[n] for n in space}
        changed["search"] = {**search, "space": named}
    return changed


def require_script_study(
    trainer: ScriptSettings | None,
    searched: Collection[str],
    objective: ObjectiveSettings,
    pruner: str,
    sharpening: str,
    repeats: str,
    *,
    has_data: bool,
) -> None:
    """Check that the settings of a sweep over a script are consistent.

    Raises:
        ValueError: If two of them contradict each other.
    """
    if trainer is not None and objective.per == "km":
        raise ValueError(
            "objective.per is km, and the gradients of a script are per cell; leave it out"
        )
    if trainer is not None and objective.area_weights == "auto" and trainer.forecast is None:
        raise ValueError(
            "objective.area_weights is auto, which has no effect on numbers that a script tells; "
            "set trainer.forecast and trainer.truth, or leave it out"
        )
    names = [name.removeprefix(OF_SCRIPT) for name in searched if name.startswith(OF_SCRIPT)]
    if trainer is None:
        if names:
            raise ValueError(
                f"search.space.{OF_SCRIPT}{names[0]} is a value of a script, and there is no "
                "trainer; set trainer.command, or search a setting"
            )
        return
    if repeats != "none":
        raise ValueError(
            f"search.repeats is {repeats}, and a script has seeds of its own; leave it out, or "
            "search the seed of the script by its name"
        )
    for name in names:
        trainer.require_name(name)
        if name not in trainer.given and name not in trainer.baseline:
            raise ValueError(
                f"trainer.given lacks {name}, which is searched: the baseline would have none; set "
                f"trainer.given.{name} to what the script has now"
            )
        if isinstance(trainer.given.get(name), tuple):
            raise ValueError(
                f"trainer.given.{name} is a list, and {name} is searched, of which each value is a "
                "single one; search its parts under names of their own, or leave it out of "
                "search.space"
            )
    unknown = [name for name in trainer.baseline if name not in {*names, *trainer.given}]
    if unknown:
        values = {**trainer.baseline, **trainer.given}
        present = ", ".join(f"{name}: {json.dumps(values[name])}" for name in names)
        raise ValueError(
            f"trainer.baseline names {unknown[0]}, which is neither searched nor under "
            "trainer.given, so the other trials would not know of it; set trainer.baseline to the "
            "values of a training without a gradient term, or if the script has none to its "
            f"present ones: baseline: {{{present}}}"
        )
    targets = objective.targets
    if targets.by_name:
        raise ValueError(
            f"objective.targets names {next(iter(targets.by_name))}, and a script is judged by one "
            "variable, which needs no name; give objective.targets.gradient and "
            "objective.targets.peak"
        )
    automatic = [n for n in ("gradient", "peak") if getattr(targets, n) == "auto"]
    if automatic and not has_data and trainer.truth is None:
        raise ValueError(
            f"objective.targets.{automatic[0]} is auto, a share of what was observed, and the "
            "script tells numbers alone; give objective.targets.gradient and "
            "objective.targets.peak as numbers, or set trainer.forecast and trainer.truth"
        )
    if sharpening not in (BEST_SHARPENER, NO_SHARPENER) and trainer.training_forecast is None:
        raise ValueError(
            f"sharpening.name is {sharpening}, which is fitted on a forecast of training frames, "
            "and the script names none; set trainer.training_forecast and trainer.training_truth, "
            "or sharpening.name to none"
        )
    if pruner in ("median", "hyperband", "promotion") and trainer.progress is None:
        raise ValueError(
            f"search.pruner is {pruner}, which looks at epochs, and trainer.progress does not say "
            "how the script tells of them; set it, or search.pruner to none"
        )
    if pruner == "promotion" and not trainer.resumes:
        raise ValueError(
            "search.pruner is promotion, which has scripts wait and go on, and trainer.resumes is "
            "false; teach the script to go on from $SWEEP_CHECKPOINTS and set it, or set "
            "search.pruner to median or none"
        )
