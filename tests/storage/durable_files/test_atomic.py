"""Private files, written whole or not at all."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsharp.storage.durable_files.atomic import make_private_folder, write_durably
from fieldsharp.storage.durable_files.regular_files import open_within


@pytest.fixture(autouse=True)
def _generous_mask() -> Iterator[None]:
    """A umask that would let everybody in."""
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_and_files_are_closed_to_everybody_else(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    os.close(open_within(tmp_path / "a" / "f", os.O_CREAT | os.O_RDWR))
    write_durably(tmp_path / "a" / "g", b"content")
    assert [_mode(tmp_path / name) for name in ("a", "a/b", "a/f", "a/g")] == [
        0o700,
        0o700,
        0o600,
        0o600,
    ]


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    folder, file = tmp_path / "open", tmp_path / "open" / "f"
    folder.mkdir(mode=0o755)
    file.write_text("text")
    make_private_folder(folder)
    os.close(open_within(file, os.O_CREAT | os.O_RDWR))
    assert (_mode(folder), file.read_text()) == (0o755, "text")


def test_a_folder_above_is_made_only_where_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make_private_folder(tmp_path / "a" / "b", parents=False)
    assert not (tmp_path / "a").exists()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_durably(path, b"first, and long")
    write_durably(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    contents = {bytes([letter]) * 100_000 for letter in b"ab"}
    write_durably(path, b"a" * 100_000)
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            write_durably(path, content)
    done.set()
    reader.join()
    assert seen <= contents


def test_a_write_that_fails_leaves_what_was_there_and_nothing_half_done(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "inside").touch()
    with pytest.raises(OSError, match="taken"):
        write_durably(folder, b"content")  # a folder cannot be replaced by a file
    assert list(tmp_path.iterdir()) == [folder]


def test_a_writer_whose_folder_was_cleared_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_durably(tmp_path / "gone" / "f", b"content")
    assert list(tmp_path.iterdir()) == []
