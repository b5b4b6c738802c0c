"""The files of sweeps that follow a study, and the first of them: its search narrowed."""

import logging
from collections.abc import Sequence
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import BadInput, ConfigError
from fieldsharp.core.partial_file import USUAL_MODE
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.storage.durable_files.atomic import write_durably, write_to_send_on
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.lookup import study_config
from fieldsharp.sweep.study.narrowed_search import narrowed_search
from fieldsharp.sweep.study.trial_records import PRESET

logger = logging.getLogger(__name__)
FILE = "next.yaml"
OPTION = "--next"
MARK = "# Follow-up of study"


def render_narrowed_search(study: Study, trials: Sequence[FrozenTrial]) -> str:
    """Return the text of the file.

    Raises:
        StudyError: If there is nothing to narrow, see ``narrowed_search``.
        ConfigError: If a value cannot be written as YAML.
    """
    narrowed = narrowed_search(study.study_name, study_config(study), trials)
    used = sum(trial.user_attrs.get(PRESET) is None for trial in trials)
    how = f"narrowed to the best of its trials ({used} were the sampler's)"
    return render_follow_up(study.study_name, narrowed, how)


def render_follow_up(study: str, config: SweepConfig, how: str) -> str:
    """Return the text of the file of a sweep that follows a study.

    Args:
        study: Its name.
        config: Of the sweep that follows.
        how: It follows, in words.

    Raises:
        ConfigError: If a value cannot be written as YAML.
    """
    tree = config.model_dump(mode="json")
    if config.training.length == "auto":  # both follow from the data
        del tree["training"]["epochs"], tree["training"]["epoch_windows"]
    comment = f"{MARK} {study}, {how}; start it with: {program_elsewhere()} start THIS_FILE"
    return dump_yaml(tree, comment.removeprefix("# "))


def write_follow_up(text: str, path: Path, option: str, *, named: bool = True) -> None:
    """Write the file of a sweep that follows; only an earlier one is replaced.

    A link is followed only if the user named the path.

    Args:
        text: Of the file.
        path: Where.
        option: Of ``export``, that writes the same elsewhere.
        named: Whether the user named the path.

    Raises:
        ConfigError: If there is another file of that name, or it cannot be written.
    """
    try:
        if not named and path.is_symlink():
            raise ConfigError(
                f"{path} is a link, and only a file given with -o is written through a link; "
                f"remove it, or write the follow-up with export STUDY {option} -o FILE"
            )
        if path.is_file() and not path.read_text(encoding="utf-8").startswith(MARK):
            raise ConfigError(
                f"{path} exists and is no follow-up of a sweep; move it, or write the follow-up "
                f"elsewhere with export STUDY {option} -o FILE"
            )
        content = text.encode("utf-8")
        if named:
            write_to_send_on(path, content)
        else:
            write_durably(path, content, USUAL_MODE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot write {path} ({error}); choose another place with export STUDY {option} "
            "-o FILE"
        ) from error


def save_narrowed_search(study: Study, url: str) -> None:
    """Write the search that follows a study to its file in the working folder, where that works."""
    try:
        with database_errors(url):
            text = render_narrowed_search(study, study.get_trials(deepcopy=False))
        write_follow_up(text, Path(FILE), OPTION, named=False)
        logger.info("the narrowed search is written to %s", FILE)
    except BadInput as error:  # the sweep itself succeeded
        logger.warning("no %s was written: %s", FILE, error)
