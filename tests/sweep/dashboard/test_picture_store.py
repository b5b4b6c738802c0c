"""Pictures of trials, drawn when somebody looks."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from optuna.artifacts import download_artifact, get_all_artifact_meta
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import get_storage

from storage.database import open_database
from storage.place import artifacts_folder, files_folder
from sweep.dashboard.picture_store import PictureStore
from sweep.study.studies import load_study, study_identity

UPLOADED = "7d4b5a52-6b3e-4c0e-9f0e-3f8f3c1f2a77"


def _store(url: str) -> PictureStore:
    return PictureStore(get_storage(open_database(url, "read")), url)


def _artifacts(url: str, trial: int) -> dict[str, str]:
    """Return the numbers of a trial's artifacts by file name."""
    study = load_study(open_database(url, "read"), "tiny")
    found = get_all_artifact_meta(study.trials[trial], storage=study._storage)
    return {meta.filename: meta.artifact_id for meta in found}


def _content(url: str, number: str) -> bytes:
    with _store(url).open_reader(number) as reader:
        return reader.read()


def _pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(image.imread(io.BytesIO(content)))


def test_every_picture_of_a_trial_can_be_seen(own_url: str) -> None:
    for name, number in _artifacts(own_url, 3).items():
        pixels = _pixels(_content(own_url, number))
        assert pixels.std() > 0.01, name
        assert min(pixels.shape[:2]) > 200, name


def test_a_picture_is_drawn_once(own_url: str) -> None:
    number = _artifacts(own_url, 2)["by-lead.png"]
    assert not artifacts_folder(own_url).exists()
    first = _content(own_url, number)
    kept = artifacts_folder(own_url) / number
    assert kept.read_bytes() == first
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"as it was kept")
    assert _content(own_url, number) == b"as it was kept"


def test_optuna_can_download_one(own_url: str, tmp_path: Path) -> None:
    number = _artifacts(own_url, 1)["epochs.png"]
    target = tmp_path / "epochs.png"
    download_artifact(artifact_store=_store(own_url), artifact_id=number, file_path=str(target))
    assert _pixels(target.read_bytes()).std() > 0.01


def test_where_nothing_can_be_written_it_is_shown_all_the_same(own_url: str) -> None:
    artifacts_folder(own_url).write_text("in the way")
    number = _artifacts(own_url, 1)["epochs.png"]
    assert _pixels(_content(own_url, number)).std() > 0.01


def test_without_what_it_is_drawn_from_there_is_none(own_url: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    number = _artifacts(own_url, 1)["epochs.png"]
    shutil.rmtree(files_folder(own_url) / study_identity(study) / "samples")
    with pytest.raises(ArtifactNotFound):
        _store(own_url).open_reader(number)
    assert not _store(own_url).has(number)


@pytest.mark.parametrize(
    "change",
    [
        lambda number: number.replace("-000001-", "-000002-"),  # its number is another's now
        lambda number: number.replace("-000001-", "-0000ff-"),
        lambda number: "feedfacefeedface" + number[16:],
        lambda _: "00000000-0000-4000-8000-000000000000",
    ],
)
def test_a_picture_of_another_trial_is_not_shown_in_its_place(
    own_url: str, change: "object"
) -> None:
    number = change(_artifacts(own_url, 1)["epochs.png"])  # type: ignore[operator]
    with pytest.raises(ArtifactNotFound):
        _store(own_url).open_reader(number)


@pytest.mark.parametrize("number", ["../x.db", "/etc/passwd", "..", ""])
def test_nothing_outside_its_folder_is_read(own_url: str, number: str) -> None:
    artifacts_folder(own_url).mkdir()
    with pytest.raises((ArtifactNotFound, ValueError)):
        _store(own_url).open_reader(number)


def test_what_is_uploaded_is_kept_and_can_be_removed(own_url: str) -> None:
    store = _store(own_url)
    store.write(UPLOADED, io.BytesIO(b"mine"))
    assert _content(own_url, UPLOADED) == b"mine"
    store.remove(UPLOADED)
    with pytest.raises(ArtifactNotFound):
        store.remove(UPLOADED)


def test_a_picture_nobody_looked_at_is_removed_without_complaint(own_url: str) -> None:
    _store(own_url).remove(_artifacts(own_url, 1)["epochs.png"])
