"""The sweep of an ensemble that follows a sweep in which no single forecast can be sharp enough."""

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import NETS, NO_SHARPENER, NO_TERM
from fieldsharp.sweep.configuration.presets import preset_parameters, presets
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange, setting_path
from fieldsharp.sweep.configuration.run_settings import ENSEMBLE
from fieldsharp.sweep.configuration.settings import SweepConfig

SPACE: dict[str, NumberRange | Choices] = {
    "loss.base": Choices(choices=("spectral_crps", "crps")),
    "learning_rate": NumberRange(low=3e-4, high=3e-3, log=True),
}
"""Searched where the members go on from the baseline."""
DROPOUT: dict[str, NumberRange | Choices] = {
    "predictor.options.dropout": NumberRange(low=0.05, high=0.5)
}
"""The share that is dropped sets the spread and the sharpness of members; which is best differs
between fields (decision record 47)."""
MEMBERS = 4


def can_have_members(config: SweepConfig) -> bool:
    """Return whether a sweep of members can follow a study with this configuration."""
    is_ensemble = config.predictor.name == ENSEMBLE
    return config.trainer is None and not (config.objective.judges_members or is_ensemble)


def members_search(name: str, config: SweepConfig) -> SweepConfig:
    """Return the configuration of the sweep of members that follows a study.

    The members are those of the study's own predictor; they go on from its baseline.

    Args:
        name: Of the study, for errors.
        config: Of the study.

    Raises:
        StudyError: If its predictor cannot have members.
    """
    if not can_have_members(config):
        reason = (
            "trains a script"
            if config.trainer is not None
            else "is one of members, or of an ensemble, already"
        )
        raise StudyError(
            f"study {name!r} {reason}, so no sweep of members can be written from it; start "
            "configs/members.yaml with your data"
        )
    baseline = presets(config)[0]
    searched = preset_parameters(baseline, config).items()
    own = baseline.run(config, {setting_path(name): value for name, value in searched})
    tree = config.model_dump()
    predictor = own.predictor
    # Another net may have no convolutions, behind which dropout acts.
    can_drop = predictor.name in NETS
    tree["predictor"] = {
        "name": ENSEMBLE,
        "width": predictor.width,
        "options": {
            **predictor.options,
            "member": predictor.name,
            "members": MEMBERS,
            "noise": "dropout" if can_drop else "input",
        },
    }
    tree["loss"] = {"base": "spectral_crps", "variant": NO_TERM}
    tree["training"] = {**own.training.model_dump(), "start": "baseline"}
    tree["objective"]["mode"] = "members"
    tree["sharpening"] = {"name": NO_SHARPENER}
    tree["search"] = {
        "sampler": config.search.sampler,
        "seed": config.search.seed,
        "presets": "baseline",
        "space": {
            name: searched.model_dump()
            for name, searched in {**(DROPOUT if can_drop else {}), **SPACE}.items()
        },
    }
    tree["study"] = f"{config.study}-members"
    return SweepConfig.model_validate(tree)
