"""Databases in folders that can only be read, by root and by another user."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.database import open_database
from tests.storage.databases import (
    NOBODY,
    child,
    mounted,
    needs_root,
    remount_read_only,
    said_by,
    say,
    url_of,
    with_study,
)

# The environment may stand where this user reads nothing: all that is read of it later is read
# before, alembic's scripts too, which Optuna reads again for every database.
AS_NOBODY = f"""
import os, sys, optuna
from alembic.script import ScriptDirectory
from fieldsharp.storage.database import open_database
optuna.logging.set_verbosity(optuna.logging.WARNING)
scripts = {{}}
def read_once(config, read=ScriptDirectory.from_config):
    return scripts.get("read") or scripts.setdefault("read", read(config))
ScriptDirectory.from_config = read_once
open_database(sys.argv[2], "read").get_all_studies()
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
try:
    print(optuna.get_all_study_names(open_database(sys.argv[1], sys.argv[3])))
except Exception as error:
    print(type(error).__name__, error)
"""
WRITE_AND_WAIT = """
import sys, optuna
from fieldsharp.storage.database import open_database
study = optuna.create_study(study_name="new", storage=open_database(sys.argv[1], "write"))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "4m") as folder:
        yield folder


def test_a_read_only_disk_can_be_read(disk: Path) -> None:
    path = with_study(disk / "x.db")
    remount_read_only(disk)
    assert optuna.get_all_study_names(open_database(url_of(path), "read")) == ["s"]
    assert [file.name for file in disk.iterdir()] == ["x.db"]


def test_a_read_only_disk_is_refused_to_a_writer(disk: Path) -> None:
    path = with_study(disk / "x.db")
    remount_read_only(disk)
    with pytest.raises(ConfigError, match=r"x\.db cannot be written; choose another with --stor"):
        open_database(url_of(path), "write")


def test_the_log_on_a_read_only_disk_is_read_with_its_index_and_refused_without(
    disk: Path, tmp_path: Path
) -> None:
    source = tmp_path / "x.db"
    with child(WRITE_AND_WAIT, url_of(source)) as writer:
        assert say(writer) == "written"
        for file in tmp_path.glob("x.db*"):
            if file.is_file():
                shutil.copy(file, disk)
    path = disk / "x.db"
    (disk / "without.db").write_bytes(path.read_bytes())
    (disk / "without.db-wal").write_bytes((disk / "x.db-wal").read_bytes())
    remount_read_only(disk)
    assert optuna.get_all_study_names(open_database(url_of(path), "read")) == ["new"]
    with pytest.raises(ConfigError) as caught:
        open_database(url_of(disk / "without.db"), "read")
    assert str(caught.value) == (
        f"storage {disk}/without.db has changes in without.db-wal that can only be read where "
        "files can be made; copy both into a folder that can be written, and name the copy with "
        "--storage"
    )


def test_another_user_reads_what_he_may_not_write(public: Path, tmp_path: Path) -> None:
    path = with_study(public / "x.db")
    path.chmod(0o644)
    warm = url_of(with_study(tmp_path / "warm.db"))
    assert said_by(AS_NOBODY, url_of(path), warm, "read") == "['s']\n"
    assert [file.name for file in public.iterdir()] == ["x.db"]


def test_another_user_reads_beside_a_writer(public: Path, tmp_path: Path) -> None:
    path = with_study(public / "x.db")
    path.chmod(0o644)
    warm = url_of(with_study(tmp_path / "warm.db"))
    with child(WRITE_AND_WAIT, url_of(path)) as writer:
        assert say(writer) == "written"
        assert said_by(AS_NOBODY, url_of(path), warm, "read") == "['s', 'new']\n"


def test_another_user_is_refused_writing_in_one_sentence(public: Path, tmp_path: Path) -> None:
    path = with_study(public / "x.db")
    path.chmod(0o666)
    warm = url_of(with_study(tmp_path / "warm.db"))
    assert said_by(AS_NOBODY, url_of(path), warm, "write") == (
        f"ConfigError storage {path} stands in a folder that takes no files (Permission denied), "
        f"and SQLite keeps its log beside it; make {public} writable, or choose another with "
        "--storage\n"
    )


def test_a_database_of_another_user_alone_is_refused(public: Path, tmp_path: Path) -> None:
    path = with_study(public / "x.db")
    path.chmod(0o600)
    warm = url_of(with_study(tmp_path / "warm.db"))
    assert said_by(AS_NOBODY, url_of(path), warm, "read") == (
        f"ConfigError storage {path} cannot be read (it belongs to another user); have its owner "
        "allow it, or choose another with --storage\n"
    )


def test_a_bind_mount_that_is_read_only_is_refused_to_a_writer(tmp_path: Path) -> None:
    needs_root()
    path = with_study(tmp_path / "x.db")
    done = subprocess.run(["mount", "--bind", "-o", "ro", path, path], capture_output=True)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            open_database(url_of(path), "write")
        assert optuna.get_all_study_names(open_database(url_of(path), "read")) == ["s"]
    finally:
        os.sync()
        subprocess.run(["umount", "-l", path], check=True)
