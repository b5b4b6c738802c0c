"""Paths of the files next to a database."""

from pathlib import Path

import pytest

from fieldsharp.storage.location import paths
from fieldsharp.storage.location.server_url import server_address


def test_all_stands_in_one_folder_beside_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'my.db'}"
    folder = tmp_path / "my.db.files"
    assert paths.files_folder(url) == folder
    assert paths.backups_folder(url).parent == folder
    assert paths.init_lock_path(url).parent == folder
    assert paths.study_lock(url, "a").parent == folder
    assert paths.study_folder(url, "0123456789abcdef") == folder / "0123456789abcdef"


def test_two_databases_of_a_folder_share_nothing(tmp_path: Path) -> None:
    one, other = (paths.files_folder(f"sqlite:///{tmp_path}/{name}.db") for name in "ab")
    assert one != other


def test_every_study_has_a_lock_of_its_own_whatever_it_is_called(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    names = ["a", "A", "../a", "a/b", "ü" * 200, " ", "opening"]
    locks = {paths.study_lock(url, name) for name in names}
    assert len(locks) == len(names)
    assert {lock.parent for lock in locks} == {paths.files_folder(url)}
    assert paths.init_lock_path(url) not in locks


def test_a_database_that_is_no_file_has_its_folder_here_and_its_password_is_not_in_it() -> None:
    one = paths.files_folder("postgresql://ann:secret@host/db")
    assert one.parent == Path()
    assert one == paths.files_folder("postgresql://ann:changed@host/db")
    assert one != paths.files_folder("postgresql://ann:secret@host/other")


def test_the_address_of_a_server_may_say_where_its_files_are(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://ann:secret@host:5433/db?sslmode=require&files={tmp_path}"
    assert paths.files_folder(url) == tmp_path
    assert server_address(url) == "postgresql+psycopg://ann:secret@host:5433/db?sslmode=require"
    here = server_address(url)
    assert paths.files_folder(here) == Path("host-5433-db.files")
    socket = "postgresql+psycopg:///db?host=/run/postgresql"
    assert paths.files_folder(socket) == Path("_run_postgresql-db.files")


@pytest.mark.parametrize("identity", ["", "..", "../../etc", "0123", "0123456789ABCDEF", "a" * 65])
def test_an_identity_that_could_lead_elsewhere_is_refused(identity: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        paths.study_folder("sqlite:///x.db", identity)


def test_whatever_name_a_database_is_reached_by_its_files_are_the_same(tmp_path: Path) -> None:
    real = tmp_path / "real" / "a.db"
    real.parent.mkdir()
    real.touch()
    (tmp_path / "file.db").symlink_to(real)
    (tmp_path / "folder").symlink_to(real.parent)
    folders = {
        paths.files_folder(f"sqlite:///{path}").resolve()
        for path in (real, tmp_path / "file.db", tmp_path / "folder" / "a.db")
    }
    assert folders == {tmp_path / "real" / "a.db.files"}
