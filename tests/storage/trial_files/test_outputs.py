"""Samples on disk."""

import logging
from pathlib import Path

import pytest

from fieldsharp.storage.trial_files.outputs import PreviewStore


def test_what_was_put_is_there(tmp_path: Path) -> None:
    samples = PreviewStore(tmp_path / "new" / "samples")
    samples.put_trial(12, b"twelve")
    samples.put_observed("test", b"seen")
    assert samples.trial(12) == b"twelve"
    assert samples.observed("test") == b"seen"
    assert samples.trial(13) is None
    assert samples.observed("validation") is None


def test_they_are_of_this_user_alone(tmp_path: Path) -> None:
    PreviewStore(tmp_path / "samples").put_trial(0, b"x")
    assert (tmp_path / "samples").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "samples" / "000000").stat().st_mode & 0o777 == 0o600


def test_a_damaged_one_is_none_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = PreviewStore(tmp_path)
    samples.put_trial(3, b"three")
    path = tmp_path / "000003"
    path.write_bytes(path.read_bytes()[:-1] + b"E")
    with caplog.at_level(logging.WARNING):
        assert samples.trial(3) is None
    assert "000003 is damaged" in caplog.text


def test_those_of_other_trials_are_removed(tmp_path: Path) -> None:
    samples = PreviewStore(tmp_path)
    for number in (0, 1, 1_000_001):
        samples.put_trial(number, b"x")
    samples.put_observed("validation", b"seen")
    samples.keep_only({0})
    assert samples.trial(0) is not None
    assert samples.trial(1) is None
    assert samples.trial(1_000_001) is None
    assert samples.observed("validation") is not None
