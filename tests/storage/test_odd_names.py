"""Files with odd names, as Optuna, SQLAlchemy, SQLite and the copies of a database take them."""

import os
import stat
from pathlib import Path

import optuna
import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.passwords import has_password
from fieldsharp.storage.location.server_url import server_address
from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.maintenance.backup import back_up, copy_database
from fieldsharp.storage.maintenance.upgrade import upgrade
from fieldsharp.storage.sqlite.access import check_access
from fieldsharp.storage.sqlite.file import study_names
from tests.storage.databases import old_database, schema_in, url_of

ODD = [
    *("a%20b", "100% {SCHEMA_VERSION}", "what?now", "?timeout=5", "a#b Größe 数据", "{x}"),
    *('it\'s "x"', "back\\slash", "new\nline", "a:b@c&d=e;f", "~", "file:x"),
    os.fsdecode(b"Gr\xf6\xdfe"),
]


def _databases(folder: Path) -> list[Path]:
    """Return the files of a folder but those that SQLite keeps beside an open database."""
    beside = (".db-wal", ".db-shm")
    return [path for path in folder.iterdir() if path.is_file() and path.suffix not in beside]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_a_database_is_made_read_and_copied_where_it_was_named(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = folder / "x.db"
    storage = open_database(url_of(path), "write")
    optuna.create_study(study_name="s", storage=storage)
    storage.scoped_session.remove()
    storage.engine.dispose()
    assert optuna.get_all_study_names(open_database(url_of(path), "read")) == ["s"]
    assert study_names(url_of(path)) == []  # none of this program's, but no error
    assert back_up(url_of(path)).parent == folder / "x.db.files" / "backups"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert _databases(folder) == [path]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "name", ["a%20b", "what?now", "{x}", os.fsdecode(b"Gr\xf6\xdfe")], ids=ascii
)
def test_an_older_database_is_upgraded_where_it_was_named(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = old_database(folder / "x.db", "v3.0.0.d")
    upgrade(url_of(path))
    assert schema_in(path) == "v3.2.0.a"
    assert _databases(folder) == [path]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_database_is_copied_to_a_relative_path_that_looks_like_a_uri(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_database(tmp_path / "x.db", "v3.0.0.d")
    (tmp_path / "file:copies").mkdir()
    monkeypatch.chdir(tmp_path)
    copy_database(url_of(path), Path("file:copies/c.db"))
    assert schema_in(tmp_path / "file:copies" / "c.db") == "v3.0.0.d"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a%20b.db", "a%20b.db"),
        ("sqlite:////home/what?now/x.db", "/home/what?now/x.db"),
        ("sqlite:////home/?timeout=5/x.db", "/home/?timeout=5/x.db"),
        ("sqlite:///what?now.db", "what?now.db"),
        ("sqlite:///x.db?timeout=5&check_same_thread=false", "x.db"),
        ("sqlite:///what?now.db?timeout=5", "what?now.db"),
        ("sqlite:///a#b.db", "a#b.db"),
        ("sqlite:///./x.db", "x.db"),
    ],
)
def test_an_address_names_the_file_after_its_slashes(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///x.db?mode=ro", r"driver or a parameter that no database here has; write sql"),
        ("sqlite:///x.db?uri=true&timeout=5", r"parameter .* write sqlite:///x\.db$"),
        ("sqlite+aiosqlite:///x.db", r"driver .* write sqlite:///x\.db$"),
        ("sqlite:///file:x.db", r"names a URI where a path is needed; write sqlite:///x\.db$"),
        ("sqlite:///folder/", r"names a folder; .*: sqlite:///folder/sweeps\.db$"),
        (f"sqlite:///{'a' * 256}/x.db", "has a name of 256 bytes"),
        (f"sqlite:///{'ü' * 125}.db", "has a name of 253 bytes; choose one of at most 221"),
    ],
)
def test_an_address_that_names_no_file_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        sqlite_path(url)


def test_a_path_longer_than_sqlite_takes_is_refused(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a" * 100] * 4)
    folder.mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"more than SQLite can open .* choose a shorter path"):
        check_access(folder / "x.db", "write")


def test_a_path_as_long_as_sqlite_takes_is_opened_and_backed_up(tmp_path: Path) -> None:
    longest = "/x.db.files/backups/.x.000001.db.1234567.01234567.partial"
    left = 504 - len(longest) - len(str(tmp_path)) - 1
    folder = tmp_path / ("a" * 200) / ("a" * (left - 201))
    folder.mkdir(parents=True)
    url = url_of(folder / "x.db")
    open_database(url, "write").engine.dispose()
    assert back_up(url).exists()
    with pytest.raises(ConfigError, match="more than SQLite can open"):
        check_access(folder / "xx.db", "write")


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_link_to_itself_is_refused(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.symlink_to(path)
    with pytest.raises(ConfigError, match="is a link that leads to itself"):
        open_database(url_of(path), "read" if mode == "read" else "write")


def test_a_path_holds_no_password() -> None:
    assert not has_password("sqlite:////data/token=abcdef/x.db")
    assert has_password("postgresql://ann:secret@h/db")


def test_braces_in_the_address_of_a_server_reach_its_driver() -> None:
    # What stands in braces is filled in by Optuna; SQLAlchemy decodes what is encoded.
    assert server_address("postgresql://ann:a{b}%40@h/db") == "postgresql://ann:a%7Bb%7D%40@h/db"
