"""Folders next to a database that another user may have put files into."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldsharp.core import partial_file
from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.durable_files.atomic import (
    make_private_file,
    make_private_folder,
    write_durably,
)
from fieldsharp.storage.location import paths
from fieldsharp.storage.location.paths import backups, check_files_folder
from fieldsharp.storage.maintenance.backup import back_up, copy_database
from fieldsharp.storage.maintenance.inspect import inspect
from fieldsharp.storage.maintenance.restore import restore
from fieldsharp.storage.maintenance.upgrade import upgrade
from fieldsharp.storage.study_lock import StudyLock, study_lock_owner
from fieldsharp.storage.trial_files.checkpoints import (
    checkpoints,
    keep_last,
    make_attempt_folder,
    write_checkpoint,
)
from fieldsharp.storage.trial_files.outputs import (
    PreviewStore,
    read_script_output,
    save_script_output,
)
from fieldsharp.storage.trial_files.result_spool import ResultSpool
from tests.storage.databases import NOBODY, needs_root, old_database, said_by, url_of, with_study

PRECIOUS = "what another user needs"
USES: dict[str, Callable[[str], object]] = {
    "open to write": lambda url: open_database(url, "write"),
    "open to read": lambda url: open_database(url, "read"),
    "lock": lambda url: StudyLock(url, "s").__enter__(),
    "inspect": inspect,
    "back up": back_up,
    "restore": restore,
    "upgrade": upgrade,
}
READ_AS_NOBODY = f"""
import os, sys
from fieldsharp.storage.database import open_database
open_database(sys.argv[1], "read").get_all_studies()  # loads what this user may not read
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
for url in sys.argv[2:]:
    try:
        print([study.study_name for study in open_database(url, "read").get_all_studies()])
    except Exception as error:
        print(type(error).__name__)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with a folder beside it, as a first sweep leaves them."""
    url = url_of(with_study(tmp_path / "x.db"))
    make_private_folder(paths.files_folder(url))
    return url


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text(PRECIOUS)
    return path


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_folder_that_every_user_may_write_to_is_refused(
    use: Callable[[str], object], url: str, victim: Path
) -> None:
    folder = paths.files_folder(url)
    paths.study_lock(url, "s").symlink_to(victim)
    folder.chmod(0o777)
    with pytest.raises(ConfigError) as caught:
        use(url)
    assert str(caught.value) == (
        f"{folder} can be written by every user (mode 0777), who may have put anything into it; "
        f"look at what it holds, then close it with chmod 700 {folder}, or choose another database "
        "with --storage"
    )
    assert victim.read_text() == PRECIOUS
    assert [path.name for path in folder.iterdir()] == [paths.study_lock(url, "s").name]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_folder_of_another_user_is_refused(use: Callable[[str], object], url: str) -> None:
    needs_root()
    folder = paths.files_folder(url)
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(ConfigError) as caught:
        use(url)
    assert str(caught.value) == (
        f"{folder} belongs to the user nobody, who may have put anything into it; run the command "
        "as that user, move the folder away, or choose another database with --storage"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_link_in_place_of_the_folder_is_refused(
    use: Callable[[str], object], url: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder = paths.files_folder(url)
    folder.rmdir()
    folder.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match=rf"{folder} is a link, .* remove the link and move the"):
        use(url)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in USES if name != "lock"])
def test_a_database_that_is_a_folder_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"storage \. is a folder; name a file in it"):
        USES[name]("sqlite:///.")


def test_root_looks_at_the_sweep_of_another_user_and_writes_nothing_into_it(url: str) -> None:
    needs_root()
    path, folder = Path(url.removeprefix("sqlite:///")), paths.files_folder(url)
    for owned in (path, folder):
        os.chown(owned, NOBODY, NOBODY)
    assert inspect(url).studies[0].name == "s"
    for use in ("open to write", "lock", "back up", "restore"):
        with pytest.raises(ConfigError, match="belongs to the user nobody, who may have put"):
            USES[use](url)
    folder.chmod(0o770)
    with pytest.raises(ConfigError, match=r"by its group \(mode 0770\).* have its owner close it"):
        inspect(url)
    assert _mode(folder) == 0o770


def test_another_user_reads_beside_a_folder_of_the_databases_owner_alone(
    public: Path, tmp_path: Path
) -> None:
    warm = url_of(with_study(tmp_path / "warm.db"))
    urls = []
    # In a folder that is closed to the reader nothing can be opened.
    for name, owner, mode in (("a", 0, 0o755), ("b", 12345, 0o755), ("c", 12345, 0o700)):
        path = with_study(public / f"{name}.db")
        path.chmod(0o644)
        paths.files_folder(url_of(path)).mkdir(mode=mode)
        os.chown(paths.files_folder(url_of(path)), owner, owner)
        urls.append(url_of(path))
    said = said_by(READ_AS_NOBODY, warm, *urls).splitlines()
    assert said == ["['s']", "ConfigError", "['s']"]


@pytest.mark.parametrize("mode", [0o770, 0o2775, 0o720])
def test_a_folder_that_its_group_may_write_to_is_closed_and_that_is_said(
    mode: int, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = paths.files_folder(url)
    folder.chmod(mode)
    with caplog.at_level(logging.WARNING):
        open_database(url, "write")
        open_database(url, "read")
    assert _mode(folder) & 0o777 == 0o700
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder} could be written by its group (mode {mode:04o}): its mode is now 0700"
    ]


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_a_folder_nobody_else_may_write_to_keeps_its_mode(
    mode: int, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = paths.files_folder(url)
    folder.chmod(mode)
    with caplog.at_level(logging.WARNING):
        open_database(url, "write")
    assert (_mode(folder), caplog.records) == (mode, [])


@pytest.mark.parametrize("name", ["s", "opening"])
def test_a_lock_that_is_a_link_empties_nothing(name: str, url: str, victim: Path) -> None:
    lock = paths.init_lock_path(url) if name == "opening" else paths.study_lock(url, name)
    lock.symlink_to(victim)
    with pytest.raises(ConfigError, match=rf"the lock {lock} is a link to {victim}, .* remove it"):
        USES["open to write" if name == "opening" else "lock"](url)
    assert victim.read_text() == PRECIOUS


def test_a_lock_that_is_a_file_of_another_place_or_user_empties_nothing(
    url: str, victim: Path
) -> None:
    lock = paths.study_lock(url, "s")
    os.link(victim, lock)
    with pytest.raises(ConfigError, match="belongs to another user, or has a second name"):
        USES["lock"](url)
    assert victim.read_text() == PRECIOUS
    victim.unlink()
    if os.geteuid() == 0:
        os.chown(lock, NOBODY, NOBODY)
        with pytest.raises(ConfigError, match="belongs to another user, or has a second name"):
            USES["lock"](url)


def test_files_of_another_user_are_neither_believed_nor_loaded(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    needs_root()
    lock, spool = paths.study_lock(url, "s"), ResultSpool(tmp_path / "spool")
    lock.write_text(json.dumps({"pid": os.getpid(), "host": "here"}))
    assert study_lock_owner(url, "s").pid == os.getpid()
    spool.put(1, "a result")
    for path in (lock, spool.folder / "000001.json"):
        os.chown(path, NOBODY, NOBODY)
    assert study_lock_owner(url, "s").pid is None
    with pytest.raises(ConfigError, match=r"not known, since the lock .* belongs to the user nobo"):
        restore(url, with_study(tmp_path / "copy.db"))
    assert list(spool.results()) == []
    assert "000001.json cannot be read (it belongs to the user nobody)" in caplog.text


def test_a_lock_that_is_a_pipe_is_not_waited_for(url: str) -> None:
    os.mkfifo(paths.study_lock(url, "s"))
    with pytest.raises(ConfigError, match="is no regular file"):
        USES["lock"](url)
    assert not study_lock_owner(url, "s").alive
    back_up(url)
    assert restore(url).path == Path(url.removeprefix("sqlite:///"))


def test_what_a_linked_lock_says_is_not_believed(url: str, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(json.dumps({"pid": os.getpid(), "host": "here"}))
    paths.study_lock(url, "s").symlink_to(said)
    assert study_lock_owner(url, "s").pid is None


def test_a_backup_that_is_a_link_is_no_backup(url: str, tmp_path: Path) -> None:
    first = back_up(url)
    other = with_study(tmp_path / "other.db", trials=1)
    (first.parent / "x.000009.db").symlink_to(other)
    assert backups(url) == [first]
    assert back_up(url).name == "x.000002.db"


def test_backups_behind_a_link_are_neither_written_nor_removed(url: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "x.000001.db").write_text(PRECIOUS)
    paths.backups_folder(url).symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="backups is a link"):
        back_up(url, keep=1)
    assert [path.name for path in elsewhere.iterdir()] == ["x.000001.db"]
    assert backups(url) == []


def test_a_folder_that_is_made_meanwhile_by_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "later")
    with pytest.raises(PermissionError, match="nowhere is a link"):
        make_private_folder(tmp_path / "nowhere" / "spool")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(PermissionError, match="can be written by every user"):
        make_private_folder(tmp_path / "open")


def test_no_link_is_written_through_for_a_file_that_is_to_be_private(
    tmp_path: Path, victim: Path
) -> None:
    (tmp_path / "new").symlink_to(tmp_path / "made")
    with pytest.raises(OSError, match="new"):
        make_private_file(tmp_path / "new")
    assert not (tmp_path / "made").exists()


def _planted(target: Path, victim: Path) -> None:
    """Put links where earlier versions prepared a file, whose names anybody could guess."""
    for name in (f".{target.name}.{os.getpid()}.partial", f".{target.name}.partial"):
        target.with_name(name).symlink_to(victim)


def _restored(path: Path) -> None:
    copy = with_study(path.with_name("copy.db"))
    restore(url_of(path), copy)


WRITERS: dict[str, Callable[[Path], object]] = {
    "any file": lambda path: write_durably(path, b"content"),
    "new database": lambda path: open_database(url_of(path), "write"),
    "restored database": _restored,
    "upgraded database": lambda path: upgrade(url_of(old_database(path, "v3.0.0.d"))),
    "copy of a database": lambda path: copy_database(
        url_of(with_study(path.with_name("from.db"))), path
    ),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_prepared_beside_its_target_goes_through_no_link(
    write: Callable[[Path], object], tmp_path: Path, victim: Path
) -> None:
    target = tmp_path / "target"
    _planted(target, victim)
    write(target)
    assert victim.read_text() == PRECIOUS
    assert target.is_file()
    assert not target.is_symlink()


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_name_that_is_guessed_is_not_written_to(
    write: Callable[[Path], object], tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_file, "token_hex", lambda _: "guessed")
    target = tmp_path / "target"
    target.with_name(f".target.{os.getpid()}.guessed.partial").symlink_to(victim)
    with pytest.raises(Exception, match="File exists"):
        write(target)
    assert victim.read_text() == PRECIOUS


def test_a_result_that_is_a_link_is_not_taken_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other, spool = ResultSpool(tmp_path / "other"), ResultSpool(tmp_path / "spool")
    other.put(1, "another's result")
    spool.put(2, "a result")
    (spool.folder / "000001.json").symlink_to(other.folder / "000001.json")
    assert list(spool.results()) == [(2, "a result")]
    assert "000001.json cannot be read" in caplog.text


@pytest.mark.parametrize("how", ["link", "world"])
def test_results_of_a_folder_that_others_can_fill_are_not_taken_in(
    how: str, tmp_path: Path
) -> None:
    other, spool = ResultSpool(tmp_path / "other"), ResultSpool(tmp_path / "spool")
    other.put(1, "another's result")
    if how == "link":
        spool.folder.symlink_to(other.folder)
    else:
        other.folder.rename(spool.folder)
        spool.folder.chmod(0o777)
    assert list(spool.results()) == []
    with pytest.raises(PermissionError, match="spool"):
        spool.put(2, "a result")


def test_samples_behind_a_link_are_neither_read_nor_removed(tmp_path: Path) -> None:
    other, samples = PreviewStore(tmp_path / "other"), PreviewStore(tmp_path / "samples")
    other.put_trial(1, b"another's")
    samples.put_trial(2, b"own")
    (tmp_path / "samples" / "000001").symlink_to(tmp_path / "other" / "000001")
    assert (samples.trial(1), samples.trial(2)) == (None, b"own")
    (tmp_path / "linked").symlink_to(tmp_path / "other")
    PreviewStore(tmp_path / "linked").keep_only([])
    assert other.trial(1) == b"another's"


def test_checkpoints_behind_a_link_are_neither_loaded_nor_removed(tmp_path: Path) -> None:
    other, own = tmp_path / "other", tmp_path / "own"
    make_attempt_folder(other, 1)
    for epoch in (1, 2):
        write_checkpoint(other, 1, epoch, b"another's")
    make_attempt_folder(own, 1)
    write_checkpoint(own, 1, 1, b"own")
    (own / "attempt-0001" / "epoch-000009").symlink_to(other / "attempt-0001" / "epoch-000002")
    (own / "attempt-0002").symlink_to(other / "attempt-0001")
    assert list(checkpoints(own)) == [b"own"]
    with pytest.raises(PermissionError, match="attempt-0002 is a link"):
        make_attempt_folder(own, 2)
    (tmp_path / "linked").symlink_to(other)
    assert list(checkpoints(tmp_path / "linked")) == []
    for folder in (own, tmp_path / "linked"):
        keep_last(folder)
    assert list(checkpoints(other)) == [b"another's", b"another's"]


def test_output_behind_a_link_is_not_shown(tmp_path: Path, victim: Path) -> None:
    save_script_output(tmp_path, 1, "printed")
    (tmp_path / "output" / "000002.txt").symlink_to(victim)
    assert (read_script_output(tmp_path, 1), read_script_output(tmp_path, 2)) == ("printed", "")


def test_a_folder_that_the_address_of_a_server_names_may_be_a_link_and_shared(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (tmp_path / "link").symlink_to(shared)
    url = f"postgresql+psycopg://ann@host/db?files={tmp_path / 'link'}"
    for mode in (0o770, 0o1777):
        shared.chmod(mode)
        check_files_folder(url, "write")
        assert _mode(shared) == mode
    shared.chmod(0o777)
    with pytest.raises(ConfigError, match=r"named by \?files=, can be written by every user"):
        check_files_folder(url, "read")


def test_a_linked_database_has_its_folder_beside_the_file(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    with_study(real / "y.db")
    (tmp_path / "x.db").symlink_to(real / "y.db")
    with StudyLock(url_of(tmp_path / "x.db"), "s"):
        assert [path.name for path in real.glob("*.files/*")] == [
            paths.study_lock(url_of(real / "y.db"), "s").name
        ]
