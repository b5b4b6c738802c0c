from pathlib import Path
from uuid import uuid4

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.storage.trial_files.checkpoints import (
    checkpoints,
    epochs_done,
    make_attempt_folder,
    write_checkpoint,
)

NAME = "abcdef12/trials/000007"


@pytest.fixture(params=["folder", "object store"])
def mirror(request: pytest.FixtureRequest, tmp_path: Path) -> CheckpointSync:
    folder = request.param == "folder"
    return CheckpointSync(f"file://{tmp_path}/far" if folder else f"memory://{uuid4().hex}/far")


def _trial(folder: Path, attempt: int, *epochs: int) -> Path:
    make_attempt_folder(folder, attempt)
    for epoch in epochs:
        write_checkpoint(folder, attempt, epoch, b"after %d" % epoch)
    return folder


def test_a_checkpoint_goes_from_one_machine_to_another(
    mirror: CheckpointSync, tmp_path: Path
) -> None:
    here = _trial(tmp_path / "here", 1, 1, 2)
    mirror.push(here, NAME, 1)
    mirror.pull(NAME, tmp_path / "there")
    assert list(checkpoints(tmp_path / "there")) == [b"after 2", b"after 1"]


def test_what_is_superseded_leaves_the_mirror(mirror: CheckpointSync, tmp_path: Path) -> None:
    here = _trial(tmp_path / "here", 1, 1, 2)
    mirror.push(here, NAME, 1)
    _trial(here, 1, 3)
    mirror.push(here, NAME, 1)
    mirror.pull(NAME, tmp_path / "there")
    assert list(checkpoints(tmp_path / "there")) == [b"after 3", b"after 2"]


def test_what_the_worker_removes_meanwhile_keeps_nothing_back(
    mirror: CheckpointSync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _trial(tmp_path / "here", 1, 1, 2)
    read = Path.read_bytes

    def prune_beside(path: Path) -> bytes:
        content = read(path)
        (here / "attempt-0001" / "epoch-000001").unlink(missing_ok=True)
        return content

    monkeypatch.setattr(Path, "read_bytes", prune_beside)
    mirror.push(here, NAME, 1)
    monkeypatch.undo()
    mirror.pull(NAME, tmp_path / "there")
    assert list(checkpoints(tmp_path / "there")) == [b"after 2"]


def test_a_mark_tells_one_place_from_another(mirror: CheckpointSync, tmp_path: Path) -> None:
    mark = mirror.leave_mark()
    assert mirror.sees(mark)
    assert not CheckpointSync(f"file://{tmp_path}/another").sees(mark)
    mirror.remove(mark)
    assert not mirror.sees(mark)


def test_an_attempt_that_was_thought_dead_takes_nothing_from_the_next(
    mirror: CheckpointSync, tmp_path: Path
) -> None:
    frozen = _trial(tmp_path / "frozen", 1, 1, 2)
    mirror.push(frozen, NAME, 1)
    mirror.push(_trial(tmp_path / "next", 2, 3, 4), NAME, 2)
    _trial(frozen, 1, 3)
    mirror.push(frozen, NAME, 1)
    mirror.pull(NAME, tmp_path / "there")
    assert epochs_done(tmp_path / "there") == 4


def test_what_is_there_is_not_fetched_again(mirror: CheckpointSync, tmp_path: Path) -> None:
    mirror.push(_trial(tmp_path / "here", 1, 1), NAME, 1)
    there = _trial(tmp_path / "there", 1)
    (there / "attempt-0001" / "epoch-000001").write_bytes(b"kept")
    mirror.pull(NAME, there)
    assert (there / "attempt-0001" / "epoch-000001").read_bytes() == b"kept"


def test_all_trials_of_a_study_are_taken_home(mirror: CheckpointSync, tmp_path: Path) -> None:
    for number in (3, 14):
        mirror.push(_trial(tmp_path / f"{number}", 1, number), f"abcdef12/trials/{number:06d}", 1)
    mirror.pull("abcdef12", tmp_path / "home")
    assert epochs_done(tmp_path / "home" / "trials" / "000003") == 3
    assert epochs_done(tmp_path / "home" / "trials" / "000014") == 14


def test_nothing_is_left_of_a_trial_that_is_removed(mirror: CheckpointSync, tmp_path: Path) -> None:
    mirror.push(_trial(tmp_path / "here", 1, 1), NAME, 1)
    mirror.remove(NAME)
    mirror.remove(NAME)  # it may be gone
    mirror.pull(NAME, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    CheckpointSync(f"file://{tmp_path}").require_writable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["nosuch://bucket/sweeps", "webhdfs2://bucket"])
def test_an_address_nobody_knows_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=f"ray.checkpoints is {address}, which cannot be used"):
        CheckpointSync(address)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be written .*; choose a place"):
        CheckpointSync(f"file://{tmp_path}/file/below").require_writable()


def test_a_disk_that_refuses_is_told_as_such(tmp_path: Path) -> None:
    mirror = CheckpointSync(f"file://{tmp_path}/far")
    (tmp_path / "far").touch()
    with pytest.raises(OSError, match="far"):
        mirror.push(_trial(tmp_path / "here", 1, 1), NAME, 1)


def test_fetched_checkpoints_are_of_this_user_alone(mirror: CheckpointSync, tmp_path: Path) -> None:
    mirror.push(_trial(tmp_path / "here", 1, 1), NAME, 1)
    mirror.pull(NAME, tmp_path / "there")
    for path in (tmp_path / "there").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_name_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    far = tmp_path / "far" / NAME / "attempt-0001"
    far.mkdir(parents=True)
    (far / "epoch-000001").write_bytes(b"one")
    (far / "epoch-000001.partial").write_bytes(b"half")
    (far / "profile").write_bytes(b"not ours")
    CheckpointSync(f"file://{tmp_path}/far").pull(NAME, tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").rglob("*") if path.is_file()] == [
        "epoch-000001"
    ]
