"""Checkpoints on disk."""

import logging
from pathlib import Path

import pytest

from fieldsharp.storage.trial_files.checkpoints import (
    attempt_folder,
    checkpoints,
    epochs_done,
    keep_last,
    make_attempt_folder,
    numbers_with_checkpoints,
    remove_checkpoints,
    trial_folder,
    write_checkpoint,
)


def _write(folder: Path, attempt: int, *epochs: int) -> None:
    make_attempt_folder(folder, attempt)
    for epoch in epochs:
        write_checkpoint(folder, attempt, epoch, b"%d of %d" % (epoch, attempt))


def _files(folder: Path) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.glob("*/*"))


def test_the_newest_comes_first_whichever_attempt_wrote_it(tmp_path: Path) -> None:
    _write(tmp_path, 2, 5)
    _write(tmp_path, 1, 4, 6)
    _write(tmp_path, 3, 6)
    assert list(checkpoints(tmp_path)) == [b"6 of 3", b"6 of 1", b"5 of 2", b"4 of 1"]
    assert epochs_done(tmp_path) == 6


def test_a_trial_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert list(checkpoints(tmp_path / "none")) == []
    assert epochs_done(tmp_path / "none") == 0
    assert numbers_with_checkpoints(tmp_path / "none") == []


def test_the_last_two_of_an_attempt_are_kept(tmp_path: Path) -> None:
    _write(tmp_path, 1, 1, 2, 3, 4)
    assert _files(tmp_path) == ["attempt-0001/epoch-000003", "attempt-0001/epoch-000004"]


def test_an_earlier_attempt_is_cleared_away_only_once_two_newer_checkpoints_are_there(
    tmp_path: Path,
) -> None:
    _write(tmp_path, 1, 1, 2)
    _write(tmp_path, 2, 3)
    assert attempt_folder(tmp_path, 1).is_dir()
    _write(tmp_path, 2, 4)
    assert not attempt_folder(tmp_path, 1).exists()
    assert epochs_done(tmp_path) == 4


def test_a_writer_whose_trial_was_ended_or_tried_again_is_told_it_is_late(tmp_path: Path) -> None:
    _write(tmp_path, 1, 1)
    _write(tmp_path, 2, 2, 3)
    with pytest.raises(FileNotFoundError):
        write_checkpoint(tmp_path, 1, 2, b"late")
    assert list(checkpoints(tmp_path)) == [b"3 of 2", b"2 of 2"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "version", "unreadable"])
def test_a_damaged_checkpoint_is_passed_over_for_an_older_one(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tmp_path, 1, 1, 2)
    path = attempt_folder(tmp_path, 1) / "epoch-000002"
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "version":
        path.write_bytes(content.replace(b"checkpoint 1", b"checkpoint 2"))
    else:
        path.unlink()
        path.mkdir()
    with caplog.at_level(logging.WARNING):
        assert list(checkpoints(tmp_path)) == [b"1 of 1"]
    assert "an older one is taken" in caplog.text


def test_what_is_no_checkpoint_is_not_looked_at(tmp_path: Path) -> None:
    _write(tmp_path, 1, 1)
    (attempt_folder(tmp_path, 1) / ".epoch-000009.5.partial").write_bytes(b"half")
    (tmp_path / "attempt-x").mkdir()
    (tmp_path / "notes.txt").write_text("of a person")
    assert list(checkpoints(tmp_path)) == [b"1 of 1"]
    assert epochs_done(tmp_path) == 1


def test_of_a_finished_trial_the_last_is_kept(tmp_path: Path) -> None:
    _write(tmp_path, 1, 1, 2)
    _write(tmp_path, 2, 3)
    keep_last(tmp_path)
    assert _files(tmp_path) == ["attempt-0002/epoch-000003"]
    assert not attempt_folder(tmp_path, 1).exists()
    keep_last(tmp_path)
    assert list(checkpoints(tmp_path)) == [b"3 of 2"]


def test_trials_are_listed_by_number_and_removed_one_by_one(tmp_path: Path) -> None:
    for number in (12, 3):
        _write(trial_folder(tmp_path, number), 1, 1)
    assert numbers_with_checkpoints(tmp_path) == [3, 12]
    remove_checkpoints(trial_folder(tmp_path, 3))
    remove_checkpoints(trial_folder(tmp_path, 3))
    assert numbers_with_checkpoints(tmp_path) == [12]


def test_checkpoints_are_of_their_user_alone(tmp_path: Path) -> None:
    folder = trial_folder(tmp_path / "trials", 3)
    _write(folder, 1, 1)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "trials").rglob("*")}
    assert modes == {0o700, 0o600}


def test_of_a_finished_trial_the_last_checkpoint_alone_is_kept(tmp_path: Path) -> None:
    for attempt in (1, 2):
        make_attempt_folder(tmp_path, attempt)
        write_checkpoint(tmp_path, attempt, attempt, b"state")
        (attempt_folder(tmp_path, attempt) / ".epoch-000009.123.partial").write_bytes(b"st")
    keep_last(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        attempt_folder(tmp_path, 2) / "epoch-000002"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["attempt-0002"]
