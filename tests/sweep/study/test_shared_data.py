"""Large data are written once beside the database, shared by all workers, and then removed."""

import io
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import series_folder
from fieldsharp.sweep.commands.status_view import show_status
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine import run
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.engine.run import run_sweep
from fieldsharp.sweep.monitoring.live_progress import OpenedSweep
from fieldsharp.sweep.monitoring.progress import Progress, SilentProgress
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study
from fieldsharp.sweep.study.shared_data import coordinator_store, remove_unused_data
from fieldsharp.sweep.study.status.report import study_status
from fieldsharp.sweep.study.trial_records import trial_record

DATA_MB = 150 * 24 * 24 * 4 / 2**20


@pytest.fixture
def sharing(tiny_config: SweepConfig) -> SweepConfig:
    """A sweep whose data count as large."""
    workers = tiny_config.workers.model_copy(update={"share_data_above_mb": 0})
    return tiny_config.model_copy(update={"workers": workers})


def _series(url: str) -> set[str]:
    folder = series_folder(url)
    return {path.name for path in folder.iterdir() if path.is_dir()} if folder.exists() else set()


def _silent(opened: OpenedSweep) -> Progress:
    return SilentProgress(opened.study, opened.targets, opened.units)


def _begun(config: SweepConfig, url: str, name: str) -> SweepConfig:
    """Begin a study of this name, and return its configuration."""
    config = config.model_copy(update={"study": name})
    found = run_preflight(config, coordinator_store(config, url))
    open_or_create_study(open_database(url, "write"), config, found.facts)
    return config


@pytest.mark.slow
def test_a_sweep_that_shares_its_data_has_the_results_of_one_that_does_not(
    sharing: SweepConfig, tiny_config: SweepConfig, tmp_path: Path
) -> None:
    metrics = []
    for config, name in ((sharing, "one"), (tiny_config, "other")):
        url = f"sqlite:///{tmp_path / name}.db"
        budget = config.budget.model_copy(update={"trials": 3})
        run_sweep(config.model_copy(update={"budget": budget}), url, _silent)
        trials = load_study(open_database(url, "read"), config.study).get_trials()
        records = [trial_record(trial) for trial in trials]
        metrics.append([record.metrics for record in records if record is not None])
        assert len(_series(url)) == (1 if name == "one" else 0)
    assert metrics[0] == metrics[1]
    assert len(metrics[0]) == 3


def test_status_counts_the_shared_data(sharing: SweepConfig, storage_url: str) -> None:
    _begun(sharing, storage_url, "a")
    study = load_study(open_database(storage_url, "read"), "a")

    status = study_status(study, storage_url)

    assert status.shared_data_mb == pytest.approx(DATA_MB, rel=0.05)
    assert status.as_json()["shared_data_mb"] == status.shared_data_mb
    console = Console(file=io.StringIO(), width=200)
    show_status(status, console)
    assert isinstance(console.file, io.StringIO)
    assert "the workers share 0.3 MB of data beside the database" in console.file.getvalue()


def test_small_data_are_not_shared_and_not_in_the_status(
    tiny_config: SweepConfig, storage_url: str
) -> None:
    _begun(tiny_config, storage_url, "a")
    status = study_status(load_study(open_database(storage_url, "read"), "a"), storage_url)
    console = Console(file=io.StringIO(), width=200)
    show_status(status, console)

    assert status.shared_data_mb == 0
    assert isinstance(console.file, io.StringIO)
    assert "workers share" not in console.file.getvalue()
    assert not series_folder(storage_url).exists()


def test_shared_data_are_removed_with_the_last_study_that_uses_them(
    sharing: SweepConfig, storage_url: str
) -> None:
    for name in ("a", "b"):
        _begun(sharing, storage_url, name)
    data = sharing.data.model_copy(update={"min_valid_share": 0.5})
    _begun(sharing.model_copy(update={"data": data}), storage_url, "c")
    storage = open_database(storage_url, "write")
    assert len(_series(storage_url)) == 2

    left = []
    for name in ("a", "c", "b"):
        optuna.delete_study(study_name=name, storage=storage)
        remove_unused_data(storage, storage_url)
        left.append(len(_series(storage_url)))

    assert left == [2, 1, 0]


def test_nothing_is_removed_while_a_study_cannot_be_read(
    sharing: SweepConfig, storage_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    _begun(sharing, storage_url, "a")
    storage = open_database(storage_url, "write")
    study = load_study(storage, "a")
    study.set_user_attr("config", {"of another": "version"})

    remove_unused_data(storage, storage_url)

    assert len(_series(storage_url)) == 1
    assert "shared data that no study uses stay in" in caplog.text


def test_data_of_a_sweep_that_does_not_begin_are_removed(
    sharing: SweepConfig, storage_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        assert len(_series(storage_url)) == 1
        raise ConfigError("no")

    monkeypatch.setattr("fieldsharp.sweep.engine.preflight.require_parts", fail)
    with pytest.raises(ConfigError, match="no"):
        run_sweep(sharing, storage_url, _silent)
    assert not [path.name for path in tmp_path.iterdir()], "no folder is left"

    monkeypatch.undo()
    monkeypatch.setattr(run, "open_or_create_study", fail)
    with pytest.raises(ConfigError, match="no"):
        run_sweep(sharing, storage_url, _silent)
    assert not _series(storage_url)


def test_a_disk_without_room_ends_the_sweep_before_it_begins(
    sharing: SweepConfig, storage_url: str, tmp_path: Path
) -> None:
    recovery = sharing.recovery.model_copy(update={"free_space_mb": 10**12})
    with pytest.raises(DataError, match="of which 1000000000000 MB stay free; make room"):
        run_sweep(sharing.model_copy(update={"recovery": recovery}), storage_url, _silent)
    assert not list(tmp_path.iterdir()), "no folder is left"


def test_a_folder_that_is_a_link_is_not_used(
    sharing: SweepConfig, tiny_config: SweepConfig, storage_url: str, tmp_path: Path
) -> None:
    folder = series_folder(storage_url)
    folder.parent.mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is a link"):
        run_preflight(sharing, coordinator_store(sharing, storage_url))
    run_preflight(tiny_config, coordinator_store(tiny_config, storage_url))  # it is not needed
    assert not list((tmp_path / "elsewhere").iterdir())
