"""Copies of the database in time, and no trial on a full disk."""

import errno
import logging
import os

import pytest

from fieldsharp.core.errors import FieldsharpError, StorageError
from fieldsharp.sweep.configuration.execution import RecoverySettings
from fieldsharp.sweep.engine import maintenance
from fieldsharp.sweep.engine.maintenance import Maintenance
from fieldsharp.sweep.engine.retry_policy import FREE_THE_MACHINE, RESTORE_THE_DATA
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from tests.sweep.fake_sweep import Clock


class Disk(StudyWorkspace):
    """As full as a test wants it."""

    free = 1000.0
    asked = 0
    trouble: int | None = None

    def free_mb(self) -> float:
        self.asked += 1
        if self.trouble is not None:
            raise OSError(self.trouble, os.strerror(self.trouble), "x.db.files")
        return self.free


class House:
    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.disk = Disk(url, "0123456789abcdef")
        self.copies = 0
        self.broken = False
        settings = RecoverySettings(free_space_mb=500, patience="60s", backup_every="10m")
        self.keeping = Maintenance(url, self.disk, settings, self.clock)
        monkeypatch.setattr(maintenance, "back_up", self._back_up)

    def _back_up(self, url: str, keep: int) -> None:  # noqa: ARG002
        if self.broken:
            raise StorageError("no space left")
        assert keep == 5
        self.copies += 1

    def has_room(self, after_s: float = 2.0, *, idle: bool = True) -> bool:
        self.clock.now += after_s
        return self.keeping.can_start(idle=idle)

    def copies_after(self, seconds: float) -> int:
        self.clock.now += seconds
        self.keeping.back_up_if_due()
        return self.copies


@pytest.fixture
def house(storage_url: str, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(storage_url, monkeypatch)


def test_nothing_is_copied_before_anything_changed(house: House) -> None:
    assert house.copies_after(10_000.0) == 0
    house.keeping.back_up()
    assert house.copies == 0


def test_the_first_change_is_copied_at_once_and_the_next_when_it_is_time(house: House) -> None:
    house.keeping.changed()
    assert house.copies_after(1.0) == 1
    house.keeping.changed()
    assert house.copies_after(590.0) == 1
    assert house.copies_after(10.0) == 2
    assert house.copies_after(10_000.0) == 2, "nothing changed since"


def test_the_end_copies_what_changed_since(house: House) -> None:
    house.keeping.changed()
    house.copies_after(1.0)
    house.keeping.changed()
    house.keeping.back_up()
    assert house.copies == 2


def test_a_copy_that_fails_is_said_and_tried_again_when_it_is_time(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.keeping.changed()
    house.broken = True
    with caplog.at_level(logging.WARNING):
        house.copies_after(1.0)
    assert "the database was not copied: no space left" in caplog.text
    house.broken = False
    assert house.copies_after(1.0) == 0
    assert house.copies_after(600.0) == 1


def test_a_full_disk_holds_trials_back_until_it_has_room_again(house: House) -> None:
    assert house.has_room()
    house.disk.free = 499.0
    assert not house.has_room()
    assert not house.has_room(50.0)
    house.disk.free = 500.0
    assert house.has_room()
    house.disk.free = 0.0
    assert not house.has_room(), "the patience begins anew"
    assert not house.has_room(59.0)


def test_a_disk_that_stays_full_ends_the_sweep_with_what_to_do(house: House) -> None:
    house.disk.free = 12.0
    assert not house.has_room()
    with pytest.raises(FieldsharpError, match=r"less than 500 MB free for 60s \(12 MB now\); make"):
        house.has_room(60.0)


@pytest.mark.parametrize("trouble", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_disk_that_does_not_say_how_full_it_is_holds_no_trial_back(
    house: House, trouble: int, caplog: pytest.LogCaptureFixture
) -> None:
    house.disk.free = 1.0
    assert not house.has_room()
    house.disk.trouble = trouble
    assert all(house.has_room(100.0) for _ in range(3))
    assert caplog.text.count(f"is not known ({os.strerror(trouble)}): trials are started") == 1
    house.disk.free, house.disk.trouble = 700.0, None
    assert house.has_room()
    assert "the free space is known again: 700 MB" in caplog.text
    house.disk.free = 1.0
    assert not house.has_room()


def test_a_machine_that_starts_no_process_is_waited_for_and_not_without_end(house: House) -> None:
    house.keeping.cannot_train("no worker process can be started", FREE_THE_MACHINE)
    assert not house.has_room(after_s=2.0)
    assert house.has_room(after_s=4.0)
    house.clock.now += 60.0
    with pytest.raises(FieldsharpError, match="started; end other programs on this machine and re"):
        house.keeping.cannot_train("no worker process can be started", FREE_THE_MACHINE)


def test_the_disk_is_not_asked_at_every_poll(house: House) -> None:
    for _ in range(100):
        house.has_room(0.1)
    assert house.disk.asked <= 6


def test_while_a_trial_is_at_work_a_full_disk_is_waited_for_without_end(house: House) -> None:
    house.disk.free = 1.0
    assert not house.has_room(idle=False)
    assert not house.has_room(after_s=1000.0, idle=False)
    with pytest.raises(FieldsharpError, match="make room and resume"):
        house.has_room(after_s=10.0)


def test_a_database_of_a_server_is_not_copied_here(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House("postgresql://ann@h/db", monkeypatch)
    house.keeping.changed()
    assert house.copies_after(10_000.0) == 0


def test_data_that_are_away_are_tried_again_every_few_seconds_and_not_without_end(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.keeping.cannot_train("the data file x.nc is gone", RESTORE_THE_DATA)
    assert not house.has_room(after_s=2.0)
    assert house.has_room(after_s=4.0)
    house.keeping.cannot_train("the data file x.nc is gone", RESTORE_THE_DATA)
    assert caplog.text.count("x.nc is gone: it is waited for, for up to 60s") == 1
    house.keeping.can_train()
    assert house.has_room(after_s=0.0)
    house.keeping.cannot_train("the data file x.nc is gone", RESTORE_THE_DATA)
    house.clock.now += 60.0
    with pytest.raises(FieldsharpError, match=r"x\.nc is gone; put it back and resume"):
        house.keeping.cannot_train("the data file x.nc is gone", RESTORE_THE_DATA)
