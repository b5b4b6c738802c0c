"""Creates and loads studies by name, and refuses one of another configuration or data."""

import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import Study

from fieldsharp.core.errors import StudyError
from fieldsharp.core.suggestions import nearest
from fieldsharp.model.registry import BEST_SHARPENER
from fieldsharp.model.settings import SharpeningSettings
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.optuna_adapter.ordered_trials import with_ordered_trials
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import make_pruner, make_sampler
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.sampling.rung_aware_sampler import RungAwareSampler
from fieldsharp.sweep.study.sampling.sharpening_share import with_sharpening_share
from fieldsharp.sweep.study.trial_records import CONFIG, FACTS, IDENTITY, read_stored
from fieldsharp.sweep.study.warm_start import WarmStart, store_warm_start

# Settings that may differ when a study is resumed: none of them changes a score.
FREE_SETTINGS = (
    "study",
    "budget.",
    "executor",
    "workers.",
    "ray.",
    "recovery.",
    "tracking.",
    "plugins",
    "data.path",
    "trainer.project",
    "trainer.timeout",
    "search.most_paused",
)
SHOWN_DIFFERENCES = 5
PRUNER = "search.pruner"
"""Compared by its effect: studies of earlier versions have none where auto has the same effect."""
OBJECTIVES = {
    "score": ["score"],
    "members": ["score"],
    "pareto": ["distance of gradient", "distance of peak", "rmse"],
}


def open_or_create_study(
    storage: RDBStorage,
    config: SweepConfig,
    facts: DataSummary,
    warm_start: WarmStart | None = None,
    more_differences: Callable[[Study], Sequence[str]] = lambda _: (),
) -> Study:
    """Return the study of this name with its sampler and pruner; created if there is none.

    It begins with the trials of a warm start; the first one ever given is never replaced.

    Raises:
        StudyError: If one of that name has another configuration or other data.
    """
    with database_errors(storage.url):
        names = optuna.study.get_all_study_names(storage)
        objectives = OBJECTIVES[config.objective.mode]
        cached = with_ordered_trials(storage)
        if config.study in names:
            study = optuna.load_study(study_name=config.study, storage=cached)
        else:
            study = optuna.create_study(
                study_name=config.study, storage=cached, directions=["minimize"] * len(objectives)
            )
        if _is_half_made(study, len(objectives)):
            study.set_user_attr(FACTS, facts.model_dump(mode="json"))
            with warnings.catch_warnings():  # experimental; it names the dashboard's axis
                warnings.simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names(objectives)
        else:
            _require_same(study, config, facts, more_differences)
        if IDENTITY not in study.user_attrs:
            study.set_user_attr(IDENTITY, uuid.uuid4().hex[:16])
        # Also for an existing study: its budget, workers or data path may be new.
        study.set_user_attr(CONFIG, config.model_dump(mode="json"))
        if warm_start is not None:
            store_warm_start(study, warm_start)
        trials = len(study.get_trials(deepcopy=False))
        sampler = make_sampler(config.search, trials)
        learns = config.promotes or config.search.sampler == "tpe"
        study.sampler = with_sharpening_share(
            RungAwareSampler(sampler) if learns else sampler, config
        )
        study.pruner = make_pruner(config.search, config.training.epochs)
        return study


def settings_as_begun(storage: RDBStorage, config: SweepConfig) -> SweepConfig:
    """Return a configuration as its study was begun, where an earlier version began it.

    Without sharpeners, and with the number that the limit of the error was, unless another is asked
    for by name.
    """
    with database_errors(storage.url):
        if config.study not in optuna.study.get_all_study_names(storage):
            return config
        study = optuna.load_study(study_name=config.study, storage=storage)
        stored = study.user_attrs.get(CONFIG)
    if not isinstance(stored, dict):
        return config
    return _without_sharpening(_with_error_limit(config, stored), stored)


def _without_sharpening(config: SweepConfig, stored: Mapping[str, Any]) -> SweepConfig:
    # Asked for by name, it is refused as a difference.
    if "sharpening" in stored or config.sharpening.name != BEST_SHARPENER:
        return config
    return config.model_copy(update={"sharpening": SharpeningSettings()})


def _with_error_limit(config: SweepConfig, stored: Mapping[str, Any]) -> SweepConfig:
    """Return a configuration with the limit of the error that its study was begun with."""
    guards = config.objective.guards
    kept = stored.get("objective", {}).get("guards", {}).get("rmse_over_baseline")
    if guards.rmse_over_baseline != "auto" or not isinstance(kept, int | float):
        return config
    guards = guards.model_copy(update={"rmse_over_baseline": kept})
    objective = config.objective.model_copy(update={"guards": guards})
    return config.model_copy(update={"objective": objective})


def _is_half_made(study: Study, objectives: int) -> bool:
    """Return whether a study has no configuration yet.

    Either it was created just now, or the process that created it died at that moment or lost its
    database: it holds nothing yet, and its name can be used.
    """
    return (
        study.user_attrs.keys() <= {FACTS, IDENTITY}
        and len(study.directions) == objectives
        and not study.get_trials(deepcopy=False)
    )


def load_study(storage: RDBStorage, name: str) -> Study:
    """Return the study of this name, for reading.

    Raises:
        StudyError: If there is none, with the nearest name.
    """
    with database_errors(storage.url):
        names = optuna.study.get_all_study_names(storage)
        if name not in names:
            guess = nearest(name, names)
            hint = f"did you mean {guess!r}?" if guess else "start one with that name first"
            present = ", ".join(sorted(names)) or "none"
            raise StudyError(f"there is no study {name!r}: {hint} (studies there: {present})")
        return optuna.load_study(study_name=name, storage=with_ordered_trials(storage))


def our_studies(storage: RDBStorage) -> list[str]:
    """Return the names of the studies this program started."""
    with database_errors(storage.url):
        summaries = optuna.study.get_all_study_summaries(storage, include_best_trial=False)
    return sorted(s.study_name for s in summaries if CONFIG in s.user_attrs)


def study_config(study: Study) -> SweepConfig:
    """Return the configuration a study was started with.

    Raises:
        StudyError: If it was not started by this program.
    """
    return read_stored(SweepConfig, _attribute(study, CONFIG), _stored_with(study, CONFIG))


def study_data_summary(study: Study) -> DataSummary:
    """Return the summary of the data that a study was started on.

    Raises:
        StudyError: If it was not started by this program.
    """
    return read_stored(DataSummary, _attribute(study, FACTS), _stored_with(study, FACTS))


def study_identity(study: Study) -> str:
    """Return the random id that distinguishes a study from one of its name in another database.

    Raises:
        StudyError: If it was not started by this program, or by a version that gave it none.
    """
    return str(_attribute(study, IDENTITY))


def _stored_with(study: Study, name: str) -> str:
    return f"{name} kept with study {study.study_name!r}"


def _attribute(study: Study, name: str) -> Any:
    attributes = study.user_attrs
    if name not in attributes:
        raise StudyError(
            f"study {study.study_name!r} has no {name}: it was not started by this program; choose "
            "another with --study"
        )
    return attributes[name]


def _require_same(
    study: Study,
    config: SweepConfig,
    facts: DataSummary,
    more_differences: Callable[[Study], Sequence[str]],
) -> None:
    # Through the model: a setting that is newer than the study takes its default.
    earlier = study_config(study)
    stored = _flat(earlier.model_dump(mode="json")) | {PRUNER: earlier.pruner}
    asked = _flat(config.model_dump(mode="json")) | {PRUNER: config.pruner}
    differing = sorted(
        key
        for key in stored.keys() | asked.keys()
        if stored.get(key) != asked.get(key) and not key.startswith(FREE_SETTINGS)
    )
    differences = [
        f"{key} is {stored.get(key, 'not set')} there and {asked.get(key, 'not set')} here"
        for key in differing
    ]
    if study_data_summary(study).provenance.data_sha256 != facts.provenance.data_sha256:
        differences.append("the data file has other contents")
    differences += more_differences(study)
    if differences:
        shown = "; ".join(differences[:SHOWN_DIFFERENCES])
        more = len(differences) - SHOWN_DIFFERENCES
        raise StudyError(
            f"study {config.study!r} exists with a different configuration: {shown}"
            f"{f'; and {more} more' if more > 0 else ''}; choose another name with --study"
        )


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict) or not tree:
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat.update(_flat(value, f"{prefix}.{key}" if prefix else str(key)))
    return flat
