"""A database that has several names is used through one of them at a time."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import BadInput, ConfigError, StudyError
from fieldsharp.storage.database import check_storage, open_database
from fieldsharp.storage.maintenance.backup import back_up
from fieldsharp.storage.maintenance.inspect import inspect
from fieldsharp.storage.maintenance.restore import restore
from fieldsharp.storage.maintenance.upgrade import upgrade
from fieldsharp.storage.sqlite.opened_files import OpenedFiles
from fieldsharp.storage.study_lock import StudyLock, study_lock_owner
from tests.storage.databases import child, needs_root, say, url_of, with_study

WRITE = """
import sys
from fieldsharp.storage.database import open_database
open_database(sys.argv[1], "write").get_all_studies()
print("open", flush=True)
sys.stdin.read()
"""
RUN = """
import sys
from fieldsharp.storage.database import open_database
from fieldsharp.storage.study_lock import StudyLock
with StudyLock(sys.argv[1], sys.argv[2]) as lock:
    open_database(sys.argv[1], "write", lock=lock).get_all_studies()
    print("open", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _writer(path: Path, code: str = WRITE, *study: str) -> Iterator[subprocess.Popen[str]]:
    with child(code, url_of(path), *study) as process:
        assert say(process) == "open"
        yield process


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, int]]:
    """A database that a process writes to by its first name; its second name; that process."""
    first = with_study(tmp_path_factory.mktemp("written") / "x.db")
    second = first.with_name("y.db")
    second.hardlink_to(first)
    with _writer(first) as writer:
        yield first, second, writer.pid


@pytest.fixture
def two_names(tmp_path: Path) -> tuple[Path, Path]:
    """A database by its first and by its second name."""
    first, second = with_study(tmp_path / "x.db"), tmp_path / "y.db"
    second.hardlink_to(first)
    return first, second


USES: dict[str, Callable[[str], object]] = {
    "write": lambda url: open_database(url, "write"),
    "read": lambda url: open_database(url, "read"),
    "check": lambda url: check_storage(url, "write"),
    "back up": back_up,
    "inspect": inspect,
    "upgrade": upgrade,
    "restore": lambda url: restore(url, with_study(Path(url.removeprefix("sqlite:///") + "-copy"))),
    "lock": lambda url: StudyLock(url, "s").__enter__(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_second_name_is_refused_while_the_first_is_written_to(
    written: tuple[Path, Path, int], use: Callable[[str], object]
) -> None:
    first, second, pid = written
    with pytest.raises(
        ConfigError,
        match=rf"y.db is the same file as {first}, .* by process {pid} under that name"
        rf".*--storage sqlite:///{first} instead",
    ):
        use(url_of(second))
    assert not second.with_name("y.db-wal").exists()


def test_a_reader_that_was_there_before_the_writer_notices_it(tmp_path: Path) -> None:
    first, second = with_study(tmp_path / "x.db"), tmp_path / "y.db"
    second.hardlink_to(first)
    open_database(url_of(second), "read").get_all_studies()
    opened = OpenedFiles(url_of(second))
    opened.require_current()
    with _writer(first), pytest.raises(ConfigError, match="is the same file as"):
        opened.require_current()


def test_two_studies_run_at_once_through_one_name(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with _writer(path, RUN, "s"), _writer(link, RUN, "another"):
        assert study_lock_owner(url_of(path), "another").alive


def test_a_second_link_that_nobody_uses_is_warned_of(
    two_names: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two_names
    open_database(url_of(first), "write")
    (message,) = caplog.messages
    assert f"has another name (hard link: {second}), which changes with it" in message
    second.unlink()
    second.symlink_to(first)
    caplog.clear()
    open_database(url_of(second), "write")
    assert caplog.messages == []


def test_changes_in_the_log_of_another_name_are_not_overlooked(
    two_names: tuple[Path, Path],
) -> None:
    first, second = two_names
    change = """
import os, sys
import optuna
from fieldsharp.storage.database import open_database
study = optuna.load_study(study_name="s", storage=open_database(sys.argv[1], "write"))
study.set_user_attr("a", 1)
os._exit(0)
"""
    with child(change, url_of(second)) as process:
        process.wait(30)
    with pytest.raises(ConfigError, match=r"y.db-wal has changes .*storage backup --storage"):
        open_database(url_of(first), "write")
    back_up(url_of(second))  # as advised
    second.unlink()
    study = optuna.load_study(study_name="s", storage=open_database(url_of(first), "write"))
    assert study.user_attrs["a"] == 1


def test_a_name_in_another_folder_is_another_name(
    written: tuple[Path, Path, int], tmp_path: Path
) -> None:
    second = tmp_path / "x.db"
    second.hardlink_to(written[0])
    with pytest.raises(ConfigError, match="is the same file as"):
        open_database(url_of(second), "write")


def test_a_file_that_is_mounted_alone_is_another_name(tmp_path: Path) -> None:
    needs_root()
    path, folder = with_study(tmp_path / "x.db"), tmp_path / "container"
    folder.mkdir()
    inside = folder / "x.db"
    inside.touch()
    mount = f'mount --bind "{path}" "{inside}" && exec "$@"'
    run = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", mount, "sh"]
    if subprocess.run([*run, "true"], capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    with _writer(path) as writer:
        done = subprocess.run(
            [*run, sys.executable, "-c", WRITE, url_of(inside)],
            cwd=PROJECT,
            input="",
            capture_output=True,
            text=True,
        )
        assert f"ConfigError: storage {inside} is the same file as {path}" in done.stderr
        assert f"process {writer.pid}" in done.stderr
    assert [file.name for file in folder.glob("x.db-*")] == []


def test_a_study_is_locked_although_the_files_beside_its_database_were_removed(
    tmp_path: Path,
) -> None:
    path = with_study(tmp_path / "x.db")
    with _writer(path, RUN, "s"):
        subprocess.run(["rm", "-rf", f"{path}.files"], check=True)
        assert study_lock_owner(url_of(path), "s").alive
        for doing in (upgrade, restore):
            with pytest.raises(BadInput, match=r"whose lock was removed|there is no backup"):
                doing(url_of(path))
        with (
            pytest.raises(StudyError, match=r"'s' is being run by a process whose lock .* removed"),
            StudyLock(url_of(path), "s"),
        ):
            pass
        with StudyLock(url_of(path), "another"):
            pass
    with StudyLock(url_of(path), "s"):
        pass
