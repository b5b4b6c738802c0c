"""``fieldsharp.sweep``: runs a sweep from Python, in a script, a terminal or a notebook."""

import os
from contextlib import ExitStack

import xarray as xr

from fieldsharp.sweep.configuration.config_file import as_overrides
from fieldsharp.sweep.interface.address import storage_address
from fieldsharp.sweep.interface.execution import run_study
from fieldsharp.sweep.interface.given_data import Data, given_path, kept_data
from fieldsharp.sweep.interface.given_settings import Config, Settings, given_config, texts
from fieldsharp.sweep.interface.study import Study


def sweep(
    config: Config,
    data: Data | None = None,
    *,
    study: str | None = None,
    storage: str | os.PathLike[str] | None = None,
    trials: int | None = None,
    workers: int | None = None,
    timeout: str | None = None,
    set: Settings = (),
    quiet: bool = False,
) -> Study:
    """Run a sweep, or go on with it where the study is there already, and return its study.

    An interrupt (Ctrl-C, or the stop button of a notebook) lets running trials finish their epoch
    and returns a study that ``resume`` goes on with; a second one does not wait.

    Args:
        config: A YAML file, a mapping of settings as in such a file, or settings.
        data: In place of ``data.path``: a file, or an xarray object, which is kept in a file beside
            the database.
        study: Name of the study.
        storage: Address or file of the database; by default ``$SWEEP_STORAGE``, else
            ``sqlite:///sweeps.db``.
        trials: In the study, all told.
        workers: Trials at a time.
        timeout: Start no trial after this long: 90s, 30m, 2h.
        set: Any other setting, as ``{"training.epochs": 20}``.
        quiet: Show no progress.

    Raises:
        FieldsharpError: If a setting, the data or the database cannot be used, or the baseline
            fails.
    """
    url = storage_address(storage)
    given = {
        "study": study,
        "budget.trials": trials,
        "workers.count": workers,
        "budget.timeout": timeout,
    }
    named = {name: value for name, value in given.items() if value is not None}
    with ExitStack() as stack:
        if data is not None:
            named["data.path"] = (
                str(stack.enter_context(kept_data(data, url)))
                if isinstance(data, xr.DataArray | xr.Dataset)
                else given_path(data)
            )
        settings = given_config(config, [*texts(set), *as_overrides(named)]).config
        run_study(settings, url, quiet=quiet)
    return Study(settings.study, url)
