"""The configuration that a study is resumed with."""

import logging
from pathlib import Path

from optuna.study import Study

from fieldsharp.objectives.verdicts.verdict import SUCCESS
from fieldsharp.storage.database import opened_to_read
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.study_lock import require_not_running
from fieldsharp.sweep.configuration.config_file import validate
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.lookup import load_study, study_config, study_data_summary
from fieldsharp.sweep.study.verdict import settled_verdict, study_verdict

logger = logging.getLogger(__name__)


def resumable(
    name: str,
    url: str,
    trials: int | None = None,
    workers: int | None = None,
    timeout: str | None = None,
    data: Path | None = None,
) -> SweepConfig:
    """Return the configuration that a study is resumed with.

    A new budget, number of trials at a time, time limit (``none`` for none) or path of the data
    file replaces the stored one unless it is None.

    Raises:
        BadInput: If there is no such study, it is being run, or a value is out of range.
        StorageError: If the database is damaged, with the newest copy of it.
    """
    with opened_to_read(url) as storage:
        study = load_study(storage, name)
        require_not_running(url, name)
        config = study_config(study)
        may_go_on = trials is not None and config.budget.stop_on_success
        was_success = may_go_on and _is_settled(study, config, url)
    tree = config.model_dump()
    if was_success:
        tree["budget"]["stop_on_success"] = False
        logger.info(
            "%s: a success had ended it; since more trials are asked for, budget.stop_on_success "
            "is set to false",
            name,
        )
    for section, key, value in (
        ("budget", "trials", trials),
        ("budget", "timeout", timeout),
        ("workers", "count", workers),
    ):
        if value is not None:
            tree[section][key] = value
    if timeout is not None and timeout.strip().lower() == "none":
        tree["budget"]["timeout"] = None
    if data is not None:
        tree["data"]["path"] = str(data.expanduser().resolve())
    return validate(tree, "the command line")


def _is_settled(study: Study, config: SweepConfig, url: str) -> bool:
    """Return whether a success has ended the study."""
    with database_errors(url):
        trials, facts = study.get_trials(deepcopy=False), study_data_summary(study)
        verdict = study_verdict(study, trials, config, facts)
    return verdict.name == SUCCESS and bool(settled_verdict(verdict, config.budget, trials))
