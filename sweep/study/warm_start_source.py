"""Finds the earlier study that a sweep begins with, and logs which trials are taken from it."""

import logging
from collections.abc import Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import database_file, open_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.training_length import steps_an_epoch
from fieldsharp.sweep.study.lookup import load_study, study_config, study_data_summary
from fieldsharp.sweep.study.trial_records import complete_baseline, trial_record, trial_spec
from fieldsharp.sweep.study.warm_start import WarmStart, choose

logger = logging.getLogger(__name__)


def choose_warm_start(earlier: str, its_url: str, config: SweepConfig, url: str) -> WarmStart:
    """Return the warm start of a sweep from an earlier study in another database, and log it.

    Raises:
        StudyError: If there is no such study, or none of its trials fits.
        StorageError: If its database cannot be read.
    """
    if earlier == config.study and (
        its_url == url
        or ((file := database_file(its_url)) is not None and file == database_file(url))
    ):
        raise StudyError(
            f"--from names {earlier!r}, the study that is to be started; choose another name for "
            "that with --study"
        )
    study = load_study(open_database(its_url, "read"), earlier)
    study_config(study)  # raises for a study of another program
    with database_errors(its_url):
        trials = study.get_trials(deepcopy=False)
    chosen = choose(study, trials, config)
    start = chosen.start.model_copy(update={"steps": _steps(study, trials)})
    for sentence in chosen.sentences:
        logger.info("%s: %s", config.study, sentence)
    if start.trials:
        names = ", ".join(trial.name for trial in start.trials)
        logger.info(
            "%s: right after the baseline: %s; %s", config.study, names, _advice_on_weights(config)
        )
    return start


def _steps(earlier: Study, trials: Sequence[FrozenTrial]) -> int | None:
    """Return the steps that the baseline of a study was trained for, None of a script."""
    baseline = complete_baseline([t for t in trials if t.state is TrialState.COMPLETE])
    record = trial_record(baseline) if baseline is not None else None
    spec = trial_spec(baseline) if baseline is not None else None
    if record is None or spec is None or spec.run.trainer is not None:
        return None
    windows = study_data_summary(earlier).windows["train"]
    return record.steps or record.epochs * steps_an_epoch(spec.run.training, windows)


def _advice_on_weights(config: SweepConfig) -> str:
    """Return how far weights carry over to other data."""
    if config.trainer is not None:
        return "what they are worth on these data the script alone knows; scores are made anew"
    if config.loss.normalise == "none":
        return "their weights are raw, and as strong on these data only where the units agree"
    return "their weights are in units of the base loss and carry over; scores are made anew"
