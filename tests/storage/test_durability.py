"""What is committed is made durable, and nothing that looks at a database frees its locks."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from storage.backup import back_up
from storage.database import check_storage, make_durable, open_database
from storage.inspection import inspect
from storage.soundness import require_sound
from tests.storage.databases import said_by, url_of, with_study

# The last to close a database moves the log into it and deletes it, unless it sees others' locks.
OPEN_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM studies").fetchall()
connection.close()
"""
READ_FOR_A_WHILE = """
import os, sys, time, optuna
from storage.database import database_errors, open_database
optuna.logging.set_verbosity(optuna.logging.WARNING)
url, writes, end = sys.argv[1], sys.argv[2] == "write", time.monotonic() + float(sys.argv[3])
done = 0
while time.monotonic() < end:
    with database_errors(url):
        storage = open_database(url, "write" if writes else "read")
        study = optuna.load_study(study_name="s", storage=storage)
        for _ in range(5):
            if writes:
                study.tell(study.ask(), 1.0)
            study.get_trials()
            done += 1
        storage.scoped_session.remove()
        storage.engine.dispose()
print(done)
"""


def test_the_log_is_synchronised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_study(tmp_path / "x.db")
    study = optuna.load_study(study_name="s", storage=open_database(url_of(path), "write"))
    study.set_user_attr("a", 1)
    synchronised: list[Path] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        synchronised.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    make_durable(url_of(path))
    assert synchronised == [path.with_name("x.db-wal")]


def test_without_a_log_there_is_nothing_to_do(tmp_path: Path) -> None:
    make_durable(url_of(with_study(tmp_path / "x.db")))
    make_durable("postgresql://ann@h/db")


@pytest.mark.parametrize(
    "look",
    [
        make_durable,
        inspect,
        back_up,
        lambda url: check_storage(url, "write"),
        lambda url: require_sound(url, "write"),
        lambda url: open_database(url, "read").engine.dispose(),
    ],
    ids=["make_durable", "inspect", "back_up", "check", "require_sound", "open"],
)
def test_looking_at_a_database_in_use_frees_none_of_its_locks(
    tmp_path: Path, look: Callable[[str], object]
) -> None:
    path = with_study(tmp_path / "x.db")
    storage = open_database(url_of(path), "write")
    study = optuna.load_study(study_name="s", storage=storage)
    study.set_user_attr("a", 1)
    look(url_of(path))
    assert said_by(OPEN_AND_CLOSE, path) == ""
    assert path.with_name("x.db-wal").stat().st_size > 0, "the log was deleted under its writer"
    study.set_user_attr("a", 2)


def test_eight_processes_beside_a_writer_never_meet_a_lock(tmp_path: Path) -> None:
    path = with_study(tmp_path / "x.db")
    seconds = 1.0
    said: list[str] = []
    modes = ["read"] * 5 + ["write"] * 3
    study = optuna.load_study(study_name="s", storage=open_database(url_of(path), "write"))
    threads = [
        threading.Thread(
            target=lambda mode=mode: said.append(
                said_by(READ_FOR_A_WHILE, url_of(path), mode, seconds)
            )
        )
        for mode in modes
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        study.tell(study.ask(), 1.0)
        back_up(url_of(path), keep=1)
    assert len(said) == len(modes)
    assert all(text.strip().isdecimal() for text in said), said
    assert inspect(url_of(path)).problems == []
    numbers = [trial.number for trial in study.get_trials()]
    assert numbers == list(range(len(numbers)))
