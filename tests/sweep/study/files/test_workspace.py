"""A study's files beside its database."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.storage.trial_files.checkpoints import make_attempt_folder, write_checkpoint
from fieldsharp.sweep.study.files.previews import ForecastPreview, TrialPreview
from fieldsharp.sweep.study.files.spooled_result import SpooledResult
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.trial_events import TrialDone
from tests.sweep.fake_sweep import metrics_of, report_of

IDENTITY = "0123456789abcdef"


@pytest.fixture
def files(storage_url: str) -> StudyWorkspace:
    files = StudyWorkspace(storage_url, IDENTITY)
    files.make()
    return files


def _result(number: int) -> SpooledResult:
    reports = [report_of(0, metrics_of(rmse=1 / 3)), report_of(1, metrics_of(rmse=math.nan))]
    end = TrialDone(number, 2, 0.1, 9.5, "cpu", "float32")
    return SpooledResult("fingerprint", end, reports)


def test_a_result_is_read_back_with_the_same_numbers(files: StudyWorkspace) -> None:
    files.spool_result(_result(3))
    (found,) = files.results()
    assert (found.fingerprint, found.end) == ("fingerprint", _result(3).end)
    assert found.reports[0] == _result(3).reports[0]
    assert math.isnan(found.reports[1].metrics["rmse"])
    files.remove_result(3)
    assert files.results() == []


def test_a_result_of_another_version_is_said_and_removed(
    files: StudyWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    files._spool.put(3, '{"fingerprint": "f", "end": {"number": 3}, "reports": "[]"}')
    files._spool.put(4, "no JSON")
    files.spool_result(_result(5))
    with caplog.at_level(logging.WARNING):
        assert [result.end.number for result in files.results()] == [5]
    assert caplog.text.count("it is trained again") == 2
    assert len(files._spool) == 1


def test_a_disk_that_takes_no_result_is_said_and_no_error(
    files: StudyWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    (files.folder / "spool").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        files.spool_result(_result(3))
    assert "its result cannot be kept beside the database" in caplog.text


def _checkpointed(files: StudyWorkspace, *numbers: int) -> None:
    for number in numbers:
        folder = files.checkpoints(number)
        make_attempt_folder(folder, 1)
        for epoch in (1, 2):
            write_checkpoint(folder, 1, epoch, b"weights")


def test_of_finished_trials_the_best_keep_their_last_checkpoint_and_others_none(
    files: StudyWorkspace,
) -> None:
    _checkpointed(files, 0, 1, 2)
    files.tidy(finished={0, 1}, best=[1])
    assert not files.checkpoints(0).exists()
    assert [path.name for path in files.checkpoints(1).glob("*/*")] == ["epoch-000002"]
    assert len(list(files.checkpoints(2).glob("*/*"))) == 2, "it is at work"
    assert [files.epochs_done(number) for number in range(3)] == [0, 2, 2]


def test_search_and_confirmation_share_no_checkpoints(
    files: StudyWorkspace, storage_url: str
) -> None:
    confirming = StudyWorkspace(storage_url, IDENTITY, kind="confirm")
    _checkpointed(files, 0)
    confirming.tidy(finished={0}, best=[])
    assert confirming.checkpoints(0) != files.checkpoints(0)
    assert files.epochs_done(0) == 2


def test_room_is_known_although_somebody_removed_the_folder(files: StudyWorkspace) -> None:
    before = files.free_mb()
    files.folder.rmdir()
    files.folder.parent.rmdir()
    assert files.free_mb() == pytest.approx(before, rel=0.1)


def test_the_folder_is_of_its_user_alone(files: StudyWorkspace) -> None:
    assert files.folder.stat().st_mode & 0o777 == 0o700
    assert files.folder.parent.stat().st_mode & 0o777 == 0o700
    assert isinstance(files.folder, Path)


def test_a_sample_is_read_back_with_the_pictures_there_are(files: StudyWorkspace) -> None:
    pruned = TrialPreview(None, {"score": np.array([1.0, 0.5])})
    assert files.save_preview(4, pruned) == ["by-lead", "epochs"]
    found = files.preview(4)
    assert found is not None
    assert found.epochs["score"].tolist() == [1.0, 0.5]
    assert files.preview(5) is None
    values = np.zeros((1, 3, 3), dtype=np.float32)
    with_one_lead = TrialPreview(ForecastPreview(values, np.ones((1, 2))))
    assert files.save_preview(5, with_one_lead)[:2] == ["maps-first-lead", "spectra"]


def test_a_disk_that_takes_no_sample_is_said_and_there_are_no_pictures(
    files: StudyWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    (files.folder / "samples").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        assert files.save_preview(4, TrialPreview(None)) == []
    assert "trial 4: no pictures" in caplog.text


def test_samples_of_trials_that_a_database_put_back_lacks_are_removed(
    files: StudyWorkspace,
) -> None:
    for number in (0, 1):
        files.save_preview(number, TrialPreview(None))
    files.remove_unknown({0})
    assert files.preview(0) is not None
    assert files.preview(1) is None


@pytest.mark.parametrize(
    "name", ["", "spool", "samples", "output", "project", "trials", "trials/000001"]
)
@pytest.mark.parametrize("how", ["link", "world"])
def test_a_folder_of_a_study_that_others_can_fill_is_refused(
    name: str, how: str, files: StudyWorkspace, storage_url: str, tmp_path: Path
) -> None:
    folder = files.folder / name
    folder.parent.mkdir(exist_ok=True)
    if how == "world":
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    else:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        if not name:
            folder.rmdir()
        folder.symlink_to(elsewhere)
    what = "is a link" if how == "link" else "can be written by every user"
    with pytest.raises(ConfigError, match=rf"{folder} {what}"):
        StudyWorkspace(storage_url, IDENTITY).make()
