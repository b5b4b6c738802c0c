"""The file of the sweep of members that follows a study."""

import logging
from pathlib import Path

from optuna.study import Study

from fieldsharp.core.errors import BadInput
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.results.narrowed_search import render_follow_up, write_follow_up
from fieldsharp.sweep.study.lookup import study_config
from fieldsharp.sweep.study.members_search import members_search

logger = logging.getLogger(__name__)
FILE = "members.yaml"
OPTION = "--members"


def render_members_search(study: Study) -> str:
    """Return the text of the file.

    Raises:
        StudyError: If the study cannot be followed by one of members.
        ConfigError: If a value cannot be written as YAML.
    """
    name = study.study_name
    return render_follow_up(name, members_search(name, study_config(study)), "with members")


def save_members_search(study: Study, url: str) -> None:
    """Write the sweep of members to its file in the working folder, where that works."""
    try:
        with database_errors(url):
            text = render_members_search(study)
        write_follow_up(text, Path(FILE), OPTION, named=False)
        logger.info("the sweep of members is written to %s", FILE)
    except BadInput as error:  # the sweep itself succeeded
        logger.warning("no %s was written: %s", FILE, error)
