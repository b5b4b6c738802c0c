"""The search in the export of a trial, such that a sweep can be started from the file."""

from typing import Any

from pydantic import ValidationError

from fieldsharp.sweep.configuration.baseline_start import as_in_the_sweep
from fieldsharp.sweep.configuration.ranges import SEARCHABLE_SECTIONS, SHORT_NAMES, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig


def exported_search(config: SweepConfig, run: RunSettings) -> dict[str, Any]:
    """Return the search of a study as it stands beside the settings of one of its trials.

    A trial may have other values than the study in settings that are not searched: the baseline has
    no gradient term, and a searched variant has no effect on it. The study's values are then named
    in the search, as single choices, so that a sweep from the file searches as the study did. Where
    that does not help, the search is the study's, and only ``train`` takes the file.
    """
    run = as_in_the_sweep(run)
    search = config.search.model_dump(mode="json")
    if _is_accepted(config, run, search):
        return search
    fixed = {name: {"choices": [value]} for name, value in _otherwise(config, run).items()}
    completed = {**search, "space": {**search["space"], **fixed}}
    return completed if _is_accepted(config, run, completed) else search


def _otherwise(config: SweepConfig, run: RunSettings) -> dict[str, Any]:
    """Return the study's values of settings that are not searched and that this trial changes."""
    study, trial = config.run.model_dump(mode="json"), run.model_dump(mode="json")
    if config.training.length == "auto":  # the epochs of the trial were found
        study["training"]["epochs"] = trial["training"]["epochs"]
    short = {path: name for name, path in SHORT_NAMES.items()}
    found = {}
    for section in SEARCHABLE_SECTIONS:
        for key, value in study[section].items():
            path = f"{section}.{key}"
            if isinstance(value, dict) or value == trial[section][key] or config.searched(path):
                continue
            name = short.get(path, path)
            if _can_be_searched(name):
                found[name] = value
    return found


def _can_be_searched(name: str) -> bool:
    try:
        setting_path(name)
    except ValueError:  # the seed, and the unit of weights
        return False
    return True


def _is_accepted(config: SweepConfig, run: RunSettings, search: dict[str, Any]) -> bool:
    tree = {**config.model_dump(mode="json"), **run.model_dump(mode="json"), "search": search}
    try:
        SweepConfig.model_validate(tree)
    except ValidationError:
        return False
    return True
