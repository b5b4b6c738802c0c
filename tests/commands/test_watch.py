"""Watching a study from the database alone."""

import errno
import os
from pathlib import Path

import pytest

from fieldsharp.core.errors import DatabaseDamaged
from fieldsharp.storage.database import open_database
from fieldsharp.storage.maintenance.backup import copy_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.commands.watch import watch
from fieldsharp.sweep.commands.watch_output import Show
from fieldsharp.sweep.study.status.snapshot import SweepSnapshot


class _Meanwhile(Show):
    """Does something to the database at the first look."""

    def __init__(self, path: Path, becomes: str) -> None:
        self.path, self.becomes, self.looks = path, becomes, 0

    def __enter__(self) -> "_Meanwhile":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self, snapshot: SweepSnapshot) -> None:
        assert snapshot.is_run
        self.looks += 1
        if self.looks == 1:
            self.path.rename(self.path.with_suffix(".aside"))
            if self.becomes == "another":
                copy_database(f"sqlite:///{self.path.with_suffix('.aside')}", self.path)


@pytest.mark.parametrize(
    ("becomes", "message"),
    [("nothing", "was removed while it was in use"), ("another", "another file was put")],
)
def test_a_database_that_is_gone_is_said(
    finished_url: str, tmp_path: Path, becomes: str, message: str
) -> None:
    path = tmp_path / "x.db"
    copy_database(finished_url, path)
    url = f"sqlite:///{path}"
    show = _Meanwhile(path, becomes)
    with StudyLock(url, "tiny"), pytest.raises(DatabaseDamaged, match=message):
        watch("tiny", open_database(url, "read"), url, 0.01, show)
    assert show.looks == 1


class _Closed(Show):
    """Closes what a look opens, for some looks, and ends the sweep thereafter."""

    def __init__(self, patch: pytest.MonkeyPatch, lock: StudyLock) -> None:
        self.patch, self.lock, self.looks = patch, lock, 0

    def __enter__(self) -> "_Closed":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self, snapshot: SweepSnapshot) -> None:  # noqa: ARG002
        self.looks += 1
        if self.looks == 1:
            self.patch.setattr("fieldsharp.storage.durable_files.file_lock.open_to_read", _refused)
            # Where files have no locks of their own, the folder alone tells.
            self.patch.setattr(
                "fieldsharp.storage.sqlite.study_lock.is_study_locked", lambda *_: False
            )
        if self.looks == 4:
            self.patch.undo()
        if self.looks == 6:
            self.lock.__exit__(None, None, None)


def _refused(path: Path, *_given: object, **_named: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def test_a_folder_that_cannot_be_read_for_a_while_does_not_end_a_watch(
    finished_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    copy_database(finished_url, tmp_path / "x.db")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with StudyLock(url, "tiny") as lock:
        show = _Closed(monkeypatch, lock)
        watch("tiny", open_database(url, "read"), url, 0.01, show)
    assert show.looks == 7
    assert caplog.text.count("whether study 'tiny' is being run cannot be seen") == 1
