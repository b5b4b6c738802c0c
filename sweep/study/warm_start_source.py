"""Finding the study a sweep is to begin with, and saying what is taken of it."""

import logging

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import database_file, open_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.lookup import load_study, study_config
from fieldsharp.sweep.study.warm_start import WarmStart, choose

logger = logging.getLogger(__name__)


def choose_warm_start(earlier: str, its_url: str, config: SweepConfig, url: str) -> WarmStart:
    """Return what a sweep begins with of an earlier study, and say what that is.

    Args:
        earlier: Name of that study.
        its_url: Address of its database.
        config: Of the sweep.
        url: Address of the database of the sweep.

    Raises:
        StudyError: If there is no such study, or nothing in it can be begun with.
        StorageError: If its database cannot be read.
    """
    if earlier == config.study and _same_database(its_url, url):
        raise StudyError(
            f"--from names {earlier!r}, the study that is to be started; choose another name for "
            "that with --study"
        )
    study = load_study(open_database(its_url, "read"), earlier)
    study_config(study)  # raises where it is none of ours
    with database_errors(its_url):
        trials = study.get_trials(deepcopy=False)
    chosen = choose(study, trials, config)
    for sentence in chosen.sentences:
        logger.info("%s: %s", config.study, sentence)
    if chosen.start.trials:
        names = ", ".join(trial.name for trial in chosen.start.trials)
        logger.info("%s: right after the baseline: %s; %s", config.study, names, _of(config))
    return chosen.start


def _same_database(one: str, other: str) -> bool:
    return one == other or (
        database_file(one) is not None and database_file(one) == database_file(other)
    )


def _of(config: SweepConfig) -> str:
    """Return what is to be known of weights on other data."""
    if config.trainer is not None:
        return "what they are worth on these data the script alone knows; scores are made anew"
    if config.loss.normalise == "none":
        return "their weights are raw, and as strong on these data only where the units agree"
    return "their weights are in units of the base loss and carry over; scores are made anew"
