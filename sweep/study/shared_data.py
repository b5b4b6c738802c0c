"""Data that the workers of a machine share: where they are, and when they are removed.

The store is imported where it is used: it loads xarray, which `status` does not need.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.storages import RDBStorage

from fieldsharp.core.errors import StudyError
from fieldsharp.fields.stored_series.series_key import series_key, stored_mb
from fieldsharp.storage.durable_files.owned_folders import check_folder, refusal
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.location.paths import check_files_folder, series_folder
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import CONFIG, FACTS, read_stored
from fieldsharp.sweep.study.trial_spec import SharedData

if TYPE_CHECKING:
    from fieldsharp.fields.stored_series.store import SeriesStore

logger = logging.getLogger(__name__)


def shared_data(config: SweepConfig, folder: Path) -> SharedData:
    """Return where workers share data, and what of them."""
    return SharedData(
        folder=folder,
        above_mb=config.workers.share_data_above_mb,
        floor_mb=config.recovery.free_space_mb,
    )


def coordinator_store(config: SweepConfig, url: str) -> "SeriesStore":
    """Return the store of who begins a study or goes on with it: every value is verified."""
    from fieldsharp.fields.files.data_files import DataFiles
    from fieldsharp.fields.stored_series.store import SeriesStore

    return SeriesStore(
        series_folder(url),
        cache(lambda: DataFiles.of(config.data.path).sha256()),
        config.workers.share_data_above_mb,
        config.recovery.free_space_mb,
        verify=True,
        check=lambda: _require_usable(url),
    )


def _require_usable(url: str) -> None:
    check_files_folder(url, "write")
    check_folder(series_folder(url), "write")


@contextmanager
def removed_on_error(store: "SeriesStore") -> Iterator[None]:
    """Remove what a store made if no study comes of it."""
    try:
        yield
    except BaseException:
        store.remove_made()
        raise


def shared_keys(config: SweepConfig, facts: DataSummary) -> set[str]:
    """Return the names of the series of a study, see ``fields.stored_series.series_key``."""
    data, sha256 = config.data, facts.provenance.data_sha256
    return {series_key(data.of(name), sha256) for name in data.series_names}


def shared_mb(config: SweepConfig, facts: DataSummary, url: str) -> float:
    """Return the size of the data that workers of a study share on this disk; 0 for none."""
    return stored_mb(series_folder(url), shared_keys(config, facts))


def remove_unused_data(storage: RDBStorage, url: str) -> None:
    """Remove the shared data of studies that were removed; data that are opened stay.

    Nothing is removed while a study cannot be read, of another version for example.
    """
    folder = series_folder(url)
    if not folder.is_dir() or refusal(folder, {os.geteuid()}) is not None:
        return
    from fieldsharp.fields.stored_series.store import remove_unused

    used: set[str] = set()
    with database_errors(url):
        studies = storage.get_all_studies()
    try:
        for study in studies:
            attributes = study.user_attrs
            if CONFIG in attributes and FACTS in attributes:
                config = read_stored(SweepConfig, attributes[CONFIG], "config of a study")
                facts = read_stored(DataSummary, attributes[FACTS], "facts of a study")
                used |= shared_keys(config, facts)
        remove_unused(folder, used)
    except (StudyError, OSError) as error:
        logger.warning("shared data that no study uses stay in %s: %s", folder, error)
