"""Stored series are made once, again when they must be, and never half."""

import errno
import fcntl
import multiprocessing
import os
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from fieldsharp.core.errors import DataError
from fieldsharp.fields.reading import read_series
from fieldsharp.fields.settings import DataSettings
from fieldsharp.fields.sources.field_source import Block
from fieldsharp.fields.sources.file_source import FileSource
from fieldsharp.fields.stored_series import store as store_module
from fieldsharp.fields.stored_series.series_key import series_key, stored_mb
from fieldsharp.fields.stored_series.store import LOCK, SeriesStore, remove_unused, temporary_store
from tests.fields.stored_series.fields_with_gaps import saved, with_gaps


@pytest.fixture
def settings(tmp_path: Path) -> DataSettings:
    return saved(tmp_path, with_gaps())


def store_in(folder: Path, content: str = "a", **more: Any) -> SeriesStore:
    return SeriesStore(folder, lambda: content, **{"above_mb": 0, **more})


def keys_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {LOCK}


def test_small_data_are_held_in_memory_and_nothing_is_written(
    settings: DataSettings, tmp_path: Path
) -> None:
    def content() -> str:
        raise AssertionError("the data are not read for their checksum")

    series = read_series(settings, store=SeriesStore(tmp_path / "store", content))

    assert not isinstance(series.values_TCHW, np.memmap)
    assert not (tmp_path / "store").exists()


def test_a_series_is_made_once(settings: DataSettings, tmp_path: Path) -> None:
    first, second = store_in(tmp_path / "store"), store_in(tmp_path / "store", verify=True)
    read_series(settings, store=first)
    read_series(settings, store=second)

    assert (len(first.made), len(second.made)) == (1, 0)
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    assert stored_mb(tmp_path / "store", first.made) == pytest.approx(
        (90 * 8 * 9 * 4) / 2**20, rel=0.1
    )


def test_a_series_is_made_again_for_other_data_or_another_reading(
    settings: DataSettings, tmp_path: Path
) -> None:
    store = store_in(tmp_path / "store")
    read_series(settings, store=store)
    read_series(settings, store=store_in(tmp_path / "store", "b"))
    read_series(settings.model_copy(update={"min_valid_share": 0.5}), store=store)
    read_series(settings.model_copy(update={"history": 7, "train_every": 3}), store=store)

    assert len(keys_in(tmp_path / "store")) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"variable": "w"},
        {"select": {"level": 3}},
        {"missing_values": (-9999.0,)},
        {"allow_fill_like": True},
        {"min_valid_share": 0.8},
    ],
)
def test_settings_of_reading_name_a_series(settings: DataSettings, changed: dict[str, Any]) -> None:
    other = settings.model_copy(update=changed)
    assert series_key(other, "a") != series_key(settings, "a")


def test_a_damaged_series_is_made_again(settings: DataSettings, tmp_path: Path) -> None:
    expected = np.array(read_series(settings, store=store_in(tmp_path / "store")).values_TCHW)
    (key,) = keys_in(tmp_path / "store")
    with (tmp_path / "store" / key / "values.f32").open("r+b") as file:
        file.write(b"\0\0\0\1")

    found = read_series(settings, store=store_in(tmp_path / "store", verify=True))

    np.testing.assert_array_equal(found.values_TCHW, expected)


class _Interrupting(FileSource):
    """Ends in the middle of the field."""

    error: BaseException = KeyboardInterrupt()

    def blocks(self, frames: range | None = None) -> Iterator[Block]:
        blocks = super().blocks(frames)
        yield next(blocks)
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("damaged"), OSError(28, "full")])
def test_an_interrupted_series_leaves_nothing_half(
    settings: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    expected = np.array(read_series(settings).values_TCHW)
    with monkeypatch.context() as patch:
        patch.setattr("fieldsharp.fields.sources.opening.FileSource", _Interrupting)
        patch.setattr(_Interrupting, "error", error)
        with pytest.raises(DataError if isinstance(error, OSError) else type(error)) as raised:
            read_series(settings, store=store_in(tmp_path / "store"))
    if isinstance(error, OSError):
        assert "cannot be written to" in str(raised.value)
        assert "--set workers.share_data_above_mb=1" in str(raised.value)
    assert not keys_in(tmp_path / "store")

    found = read_series(settings, store=store_in(tmp_path / "store"))

    np.testing.assert_array_equal(found.values_TCHW, expected)


def test_what_a_killed_process_left_is_removed(settings: DataSettings, tmp_path: Path) -> None:
    left = tmp_path / "store" / ".abc.0.partial"
    left.mkdir(parents=True)
    (left / "values.f32").write_bytes(b"half")

    read_series(settings, store=store_in(tmp_path / "store"))

    assert not left.exists()


def _make(folder: str, settings: str, results: Any) -> None:
    store = SeriesStore(Path(folder), lambda: "a", above_mb=0)
    series = read_series(DataSettings.model_validate_json(settings), store=store)
    results.put((os.getpid(), len(store.made), float(series.values_TCHW.sum(dtype=float))))


def test_two_processes_make_it_once(settings: DataSettings, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    arguments = (str(tmp_path / "store"), settings.model_dump_json(), results)
    processes = [context.Process(target=_make, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    found = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()

    expected = float(read_series(settings).values_TCHW.sum(dtype=float))
    assert sorted(made for _, made, _ in found) == [0, 1]
    assert [total for _, _, total in found] == [expected, expected]


def test_a_disk_without_room_is_refused_in_one_sentence(
    settings: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 500 * 2**20))

    read_series(settings, store=store_in(tmp_path / "one", floor_mb=499))
    with pytest.raises(DataError) as refused:
        read_series(settings, store=store_in(tmp_path / "two", floor_mb=500))

    assert "takes 0 MB in" in str(refused.value)
    assert "has 500 MB, of which 500 MB stay free; make room" in str(refused.value)
    assert "--set workers.share_data_above_mb=1" in str(refused.value)
    assert not keys_in(tmp_path / "two")


def test_unused_series_are_removed_but_not_under_a_process_that_reads_them(
    settings: DataSettings, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    kept, read, unused = (store_in(folder, content) for content in "abc")
    read_series(settings, store=kept)
    opened = read_series(settings, store=read)
    read_series(settings, store=unused)

    remove_unused(folder, kept.made)
    assert keys_in(folder) == {*kept.made, *read.made}

    del opened
    remove_unused(folder, kept.made)
    assert keys_in(folder) == set(kept.made)
    remove_unused(tmp_path / "missing", ())


def test_series_on_nfs_are_not_removed_under_a_process_that_reads_them(
    settings: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def of_nfs(file: BinaryIO | int, operation: int) -> None:
        """Lock exclusively only what is open for writing, see flock(2)."""
        if operation & fcntl.LOCK_EX and not isinstance(file, int) and "+" not in file.mode:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", of_nfs)
    store = store_in(tmp_path / "store")
    opened = read_series(settings, store=store)
    remove_unused(store.folder, ())
    assert keys_in(store.folder) == set(store.made)

    del opened
    remove_unused(store.folder, ())
    assert not keys_in(store.folder)


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE])
def test_a_series_that_a_limit_keeps_from_being_opened_is_not_made_again(
    settings: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store = store_in(tmp_path / "store")
    read_series(settings, store=store)
    (values,) = store.folder.glob("*/values.f32")
    before = values.stat().st_ino

    def limited(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(np, "memmap", limited)
    with pytest.raises(DataError, match=r"a limit of this process is too low; raise it with"):
        read_series(settings, store=store_in(tmp_path / "store"))
    assert values.stat().st_ino == before


def test_what_was_made_is_removed_with_folders_that_are_then_empty(
    settings: DataSettings, tmp_path: Path
) -> None:
    store = store_in(tmp_path / "x.db.files" / "series")
    read_series(settings, store=store)

    store.remove_made()

    assert not (tmp_path / "x.db.files").exists()
    kept = store_in(tmp_path / "y.db.files" / "series")
    read_series(settings, store=kept)
    store_in(kept.folder).remove_made()  # nothing was made by that one
    assert keys_in(kept.folder) == set(kept.made)


def test_a_folder_in_which_another_process_begins_to_write_is_not_removed(tmp_path: Path) -> None:
    store = store_in(tmp_path / "x.db.files" / "series")
    store.folder.mkdir(parents=True)
    with (store.folder / LOCK).open("w") as of_another:
        fcntl.flock(of_another, fcntl.LOCK_EX)
        store.remove_made()
        assert (store.folder / LOCK).exists()

    store.remove_made()
    assert not (tmp_path / "x.db.files").exists()


def test_a_folder_that_another_process_removes_is_made_again(
    settings: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = store_module._make_private
    removed: list[Path] = []

    def made_and_removed(folder: Path) -> None:
        make(folder)
        if not removed:
            removed.append(folder)
            folder.rmdir()

    monkeypatch.setattr(store_module, "_make_private", made_and_removed)
    store = store_in(tmp_path / "store")
    read_series(settings, store=store)
    assert removed == [store.folder]
    assert keys_in(store.folder) == set(store.made)


def test_a_store_that_makes_none_reads_one_that_is_there(
    settings: DataSettings, tmp_path: Path
) -> None:
    reading = store_in(tmp_path / "store", makes=False)
    assert not isinstance(read_series(settings, store=reading).values_TCHW, np.memmap)
    assert not (tmp_path / "store").exists()

    read_series(settings, store=store_in(tmp_path / "store"))

    assert isinstance(read_series(settings, store=reading).values_TCHW, np.memmap)


def test_a_temporary_store_is_removed_also_after_an_interrupt(
    settings: DataSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)

    def interrupted() -> None:
        with temporary_store(above_mb=0) as store:
            assert isinstance(read_series(settings, store=store).values_TCHW, np.memmap)
            assert len(list(place.iterdir())) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(place.iterdir())
