"""How much room a database takes, and how much its disk has left."""

from pathlib import Path

import pytest

from fieldsharp.storage.maintenance.disk_space import MB, disk_space_of, free_mb
from tests.storage.databases import file_of, fill, mounted, url_of, with_study


def test_a_disk_is_asked_through_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        assert free_mb(disk / "not" / "yet") == 4.0
        (disk / "x.db").write_bytes(b"x" * MB)
        room = disk_space_of(url_of(disk / "x.db"))
        assert (room.free_mb, room.database_mb) == (3.0, 1.0)
        fill(disk)
        assert free_mb(disk) == 0.0


def test_a_relative_address_is_of_the_disk_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        monkeypatch.chdir(disk)
        assert disk_space_of("sqlite:///x.db").free_mb == 4.0
        assert free_mb(Path("below")) == 4.0
        monkeypatch.chdir(tmp_path)


def test_the_log_of_a_database_takes_room_too(storage_url: str) -> None:
    path = with_study(file_of(storage_url))
    alone = disk_space_of(storage_url).database_mb
    assert alone == path.stat().st_size / MB
    path.with_name(f"{path.name}-wal").write_bytes(b"x" * MB)
    assert disk_space_of(storage_url).database_mb == alone + 1.0


def test_a_database_of_a_server_takes_no_room_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    room = disk_space_of("postgresql://ann@h/db")
    assert room.database_mb is None
    assert room.free_mb > 0
