from pathlib import Path

import pytest

from fieldsharp.storage.trial_files import checkpoint_sync
from fieldsharp.storage.trial_files.checkpoint_sync import CheckpointSync
from fieldsharp.storage.trial_files.checkpoints import (
    epochs_done,
    make_attempt_folder,
    write_checkpoint,
)
from fieldsharp.sweep.execution.checkpoint_transfer import CheckpointTransfer


@pytest.fixture
def mirror(tmp_path: Path) -> CheckpointSync:
    return CheckpointSync(f"file://{tmp_path}/far")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "x.db.files" / "abcdef12"


def _left_by_a_worker(mirror: CheckpointSync, tmp_path: Path, number: int, epochs: int) -> None:
    own = tmp_path / f"node-{number}"
    make_attempt_folder(own, 1)
    write_checkpoint(own, 1, epochs, b"weights")
    mirror.push(own, f"abcdef12/trials/{number:06d}", 1)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_trial_that_ended_has_its_checkpoints_here_and_nowhere_else(
    mirror: CheckpointSync, study: Path, tmp_path: Path
) -> None:
    _left_by_a_worker(mirror, tmp_path, 3, epochs=5)
    CheckpointTransfer(mirror, study).fetch(study / "trials" / "000003")
    assert epochs_done(study / "trials" / "000003") == 5
    assert _files(tmp_path / "far") == []


def test_a_start_fetches_what_a_coordinator_that_died_could_not(
    mirror: CheckpointSync, study: Path, tmp_path: Path
) -> None:
    for number in (3, 14):
        _left_by_a_worker(mirror, tmp_path, number, epochs=number)
    CheckpointTransfer(mirror, study).fetch_all()
    assert [epochs_done(study / "trials" / f"{n:06d}") for n in (3, 14)] == [3, 14]
    assert _files(tmp_path / "far") == []


def test_what_cannot_be_laid_down_here_stays_there(
    mirror: CheckpointSync,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def disk_is_full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    _left_by_a_worker(mirror, tmp_path, 3, epochs=5)
    checkpoints = study / "trials" / "000003"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_sync, "write_durably", disk_is_full)
        CheckpointTransfer(mirror, study).fetch(checkpoints)
    assert "cannot be fetched, and stay there ([Errno 28] No space left" in caplog.text
    CheckpointTransfer(mirror, study).fetch(checkpoints)
    assert epochs_done(checkpoints) == 5
