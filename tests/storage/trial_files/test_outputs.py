"""Preview data on disk."""

import logging
from pathlib import Path

import pytest

from fieldsharp.storage.trial_files.outputs import PreviewStore


def test_what_was_put_is_there(tmp_path: Path) -> None:
    samples = PreviewStore(tmp_path / "new" / "samples")
    samples.put(12, b"twelve")
    samples.put("test", b"seen")
    assert samples.get(12) == b"twelve"
    assert samples.get("test") == b"seen"
    assert samples.get(13) is None
    assert samples.get("validation") is None


def test_they_are_of_this_user_alone(tmp_path: Path) -> None:
    PreviewStore(tmp_path / "samples").put(0, b"x")
    assert (tmp_path / "samples").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "samples" / "000000").stat().st_mode & 0o777 == 0o600


def test_a_damaged_one_is_none_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = PreviewStore(tmp_path)
    samples.put(3, b"three")
    path = tmp_path / "000003"
    path.write_bytes(path.read_bytes()[:-1] + b"E")
    with caplog.at_level(logging.WARNING):
        assert samples.get(3) is None
    assert "000003 is damaged" in caplog.text


def test_those_of_other_trials_are_removed(tmp_path: Path) -> None:
    samples = PreviewStore(tmp_path)
    for number in (0, 1, 1_000_001):
        samples.put(number, b"x")
    samples.put("validation", b"seen")
    samples.keep_only({0})
    assert samples.get(0) is not None
    assert samples.get(1) is None
    assert samples.get(1_000_001) is None
    assert samples.get("validation") is not None
