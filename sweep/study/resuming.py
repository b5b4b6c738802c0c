"""The configuration a study is gone on with."""

from pathlib import Path

from storage.database import open_database
from storage.study_lock import refuse_if_run
from sweep.configuration.config_file import validate
from sweep.configuration.settings import SweepConfig
from sweep.study.studies import load_study, study_config


def resumable(
    name: str,
    url: str,
    trials: int | None = None,
    workers: int | None = None,
    timeout: str | None = None,
    data: Path | None = None,
) -> SweepConfig:
    """Return the configuration a study is gone on with.

    Args:
        name: Of the study.
        url: Address of its database, which must be there and sound.
        trials: A new budget; None leaves it.
        workers: Another number of trials at a time; None leaves it.
        timeout: Another time limit, ``none`` for none; None leaves it.
        data: Where the data file is now; None leaves it.

    Raises:
        BadInput: If there is no such study, it is being run, or a value is out of range.
        StorageError: If the database is damaged, with the newest copy of it.
    """
    study = load_study(open_database(url, "read"), name)
    refuse_if_run(url, name)
    tree = study_config(study).model_dump()
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
