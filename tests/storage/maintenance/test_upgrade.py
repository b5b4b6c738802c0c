"""Upgrades of databases of real older versions, however they are interrupted."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from fieldsharp.core.errors import ConfigError, StorageError, StorageUnavailable, StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import backups
from fieldsharp.storage.maintenance.upgrade import upgrade
from fieldsharp.storage.optuna_adapter.schema import CURRENT_SCHEMA
from tests.storage.databases import (
    HOLD,
    child,
    fill,
    is_sound,
    mounted,
    old_database,
    say,
    schema_in,
    trials_in,
    url_of,
    with_study,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*Distribution has been deprecated:FutureWarning")

OLD = ["v2.6.0.a", "v3.0.0.d"]
UPGRADE = """
import sys
import optuna.storages._rdb.models, alembic.command
from fieldsharp.storage.maintenance.upgrade import upgrade
print("ready", flush=True)
upgrade(sys.argv[1])
"""
USE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("SELECT count(*) FROM studies").fetchall()
print("used", flush=True)
sys.stdin.read()
"""


def _require_upgraded(path: Path) -> None:
    storage = open_database(url_of(path), "write")
    study = optuna.load_study(study_name="old", storage=storage)
    states = [trial.state for trial in study.get_trials()]
    assert states[:4] == [
        *(TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    ]
    first = study.trials[0]
    assert first.user_attrs == {"note": "kept"}
    assert set(first.params) == {"x", "kind", "n"}
    assert first.value == first.params["x"] == first.intermediate_values[0]
    study.tell(study.ask(), 1.0)
    storage.scoped_session.remove()
    storage.engine.dispose()


@pytest.mark.parametrize("schema", OLD)
def test_an_older_database_is_upgraded_after_a_backup(tmp_path: Path, schema: str) -> None:
    path = old_database(tmp_path / "x.db", schema)
    path.chmod(0o640)
    done = upgrade(url_of(path))
    assert (done.former, done.current) == (schema, CURRENT_SCHEMA)
    assert done.backup is not None
    assert (schema_in(done.backup), trials_in(done.backup)) == (schema, 6)
    assert path.stat().st_mode & 0o777 == 0o640
    _require_upgraded(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.db", "x.db.files"]


def test_an_upgraded_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    before = path.read_bytes()
    done = upgrade(url_of(path))
    assert (done.former, done.current, done.backup) == (CURRENT_SCHEMA, CURRENT_SCHEMA, None)
    assert path.read_bytes() == before
    assert backups(url_of(path)) == []


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.0.0.a'")
        connection.commit()
    with pytest.raises(StorageError, match=r"newer version .*use the newer version"):
        upgrade(url_of(path))


def test_what_is_in_the_log_is_upgraded_too(tmp_path: Path) -> None:
    path = old_database(tmp_path / "x.db", "v2.6.0.a")
    code = (
        "import sqlite3, sys, time\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode=WAL')\n"
        "c.execute(\"INSERT INTO studies (study_name) VALUES ('late')\")\n"
        "print('written', flush=True)\n"
        "time.sleep(60)"
    )
    with child(code, path) as writer:
        assert say(writer) == "written"
        writer.kill()
        writer.wait(10)
    assert path.with_name("x.db-wal").stat().st_size > 0
    upgrade(url_of(path))
    assert optuna.get_all_study_names(open_database(url_of(path), "read")) == ["old", "late"]


def test_a_study_that_is_run_is_not_upgraded_under_its_coordinator(tmp_path: Path) -> None:
    path = old_database(tmp_path / "x.db", "v2.6.0.a")
    with child(HOLD, url_of(path), "old") as holder:
        assert say(holder) == "held"
        with pytest.raises(StudyError, match=f"is being run by process {holder.pid}; stop that"):
            upgrade(url_of(path))
    assert schema_in(path) == "v2.6.0.a"


def test_a_database_another_process_uses_is_not_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldsharp.storage.maintenance.upgrade.IN_USE_TIMEOUT_S", 0.1)
    path = old_database(tmp_path / "x.db", "v2.6.0.a")
    with child(USE, path) as other:
        assert say(other) == "used"
        with pytest.raises(StorageUnavailable) as caught:
            upgrade(url_of(path))
        assert str(caught.value) == (
            f"cannot upgrade sqlite:///{path} while another process, such as a dashboard, uses it; "
            "end that process, then run the same command again"
        )
    upgrade(url_of(path))
    _require_upgraded(path)


def test_a_full_disk_leaves_the_older_database(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "2m") as disk:
        path = old_database(disk / "x.db", "v2.6.0.a")
        ballast = fill(disk)
        with ballast.open("r+b") as file:  # room for the backup, not for the copy
            file.truncate(ballast.stat().st_size - 3 * path.stat().st_size // 2)
        with pytest.raises(StorageUnavailable, match=r"disk is full.*free space on its disk"):
            upgrade(url_of(path))
        assert (is_sound(path), schema_in(path)) == (True, "v2.6.0.a")
        ballast.unlink()
        upgrade(url_of(path))
        _require_upgraded(path)


@pytest.mark.outside
def test_an_upgrade_that_is_killed_leaves_the_old_database_or_the_new_one(tmp_path: Path) -> None:
    _kill_at(tmp_path, "v2.6.0.a", (0.03, 0.1, 0.2))


@pytest.mark.slow
@pytest.mark.parametrize("schema", OLD)
def test_an_upgrade_that_is_killed_at_any_of_many_moments_leaves_a_usable_database(
    tmp_path: Path, schema: str
) -> None:
    assert _kill_at(tmp_path, schema, tuple(0.03 * n for n in range(20))) == {
        *(schema, CURRENT_SCHEMA)
    }


def _kill_at(tmp_path: Path, schema: str, moments_s: tuple[float, ...]) -> set[str]:
    left = set()
    for number, wait_s in enumerate(moments_s):
        path = old_database(tmp_path / f"{number}.db", schema)
        with child(UPGRADE, url_of(path)) as process:
            assert say(process) == "ready"
            time.sleep(wait_s)
            process.kill()
            process.wait(10)
        assert is_sound(path)
        found = schema_in(path)
        assert found in (schema, CURRENT_SCHEMA)
        left.add(found)
        upgrade(url_of(path))
        _require_upgraded(path)
    return left


def test_a_missing_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no database at"):
        upgrade(url_of(tmp_path / "x.db"))
    assert list(tmp_path.iterdir()) == []
