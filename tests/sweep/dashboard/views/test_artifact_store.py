"""Pictures of trials, drawn when somebody looks."""

import io
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from optuna.artifacts import download_artifact, get_all_artifact_meta
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages import get_storage

from fieldsharp.storage.database import open_database
from fieldsharp.storage.location.paths import artifacts_folder, files_folder
from fieldsharp.sweep.dashboard.views import artifact_store
from fieldsharp.sweep.dashboard.views.artifact_store import PictureArtifactStore
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import Style
from fieldsharp.sweep.pictures.trial_pictures import draw
from fieldsharp.sweep.study.files.artifacts import Picture, picture_of
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import load_study, study_identity

UPLOADED = "7d4b5a52-6b3e-4c0e-9f0e-3f8f3c1f2a77"


def _store(url: str) -> PictureArtifactStore:
    return PictureArtifactStore(get_storage(open_database(url, "read")), url)


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


def test_a_picture_is_drawn_once_however_many_ask_for_it(
    own_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def counted(picture: Picture, source: PictureSource, style: Style) -> bytes:
        drawn.append(picture)
        return draw(picture, source, style)

    monkeypatch.setattr(artifact_store, "draw", counted)
    store, number = _store(own_url), _artifacts(own_url, 2)["by-lead.png"]
    with ThreadPoolExecutor(4) as several:
        contents = list(several.map(lambda _: store.open_reader(number).read(), range(8)))
    assert len(set(contents)) == 1
    assert drawn == ["by-lead"]
    assert not artifacts_folder(own_url).exists(), "files would outlive the program that drew them"


def test_the_cache_holds_a_limited_number_of_pictures(
    own_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact_store, "CACHED_PICTURES", 1)
    store = _store(own_url)
    for trial in (1, 2):
        store.open_reader(_artifacts(own_url, trial)["epochs.png"]).close()
    assert len(store._cache) == 1


def test_a_picture_without_a_baseline_to_compare_with_is_drawn_anew(own_url: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    samples = files_folder(own_url) / study_identity(study) / "samples"
    aside = (samples / "000000").rename(samples.parent / "aside")
    store, number = _store(own_url), _artifacts(own_url, 2)["maps-last-lead.png"]
    alone = store.open_reader(number).read()
    aside.rename(samples / "000000")
    assert store.open_reader(number).read() != alone


def test_a_baseline_that_failed_is_not_the_one_compared_with(own_url: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    failed = study.trials[0]
    connection = sqlite3.connect(own_url.removeprefix("sqlite:///"))
    with connection:  # as it is where the first baseline failed, and the second came to its end
        connection.execute("UPDATE trials SET state='FAIL' WHERE number=0")
        connection.execute(
            "UPDATE trial_user_attributes SET value_json=? WHERE key='preset' AND trial_id=?",
            (json.dumps(failed.user_attrs["preset"]), study.trials[1]._trial_id),
        )
    connection.close()
    store = _store(own_url)
    picture = picture_of(_artifacts(own_url, 3)["spectra.png"])
    assert picture is not None
    source = store._source(picture)
    second = StudyWorkspace(own_url, picture.identity).preview(1)
    assert source is not None
    assert source.baseline is not None
    assert second is not None
    assert second.forecast is not None
    assert source.baseline.forecast is not None
    assert np.array_equal(source.baseline.forecast.values_LHW, second.forecast.values_LHW)


def test_optuna_can_download_one(own_url: str, tmp_path: Path) -> None:
    number = _artifacts(own_url, 1)["epochs.png"]
    target = tmp_path / "epochs.png"
    download_artifact(artifact_store=_store(own_url), artifact_id=number, file_path=str(target))
    assert _pixels(target.read_bytes()).std() > 0.01


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
    with pytest.raises(ArtifactNotFound):
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


def test_an_upload_that_is_a_link_is_not_shown(own_url: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the one who serves it")
    store = _store(own_url)
    store.write(UPLOADED, io.BytesIO(b"mine"))
    linked = UPLOADED.replace("7", "8")
    (artifacts_folder(own_url) / linked).symlink_to(secret)
    with pytest.raises(ArtifactNotFound):
        store.open_reader(linked)
    artifacts_folder(own_url).chmod(0o777)
    with pytest.raises(ArtifactNotFound, match="can be written by every user"):
        store.open_reader(UPLOADED)


def test_nothing_is_drawn_from_samples_that_others_can_fill(own_url: str) -> None:
    study = load_study(open_database(own_url, "read"), "tiny")
    number = _artifacts(own_url, 1)["epochs.png"]
    (files_folder(own_url) / study_identity(study) / "samples").chmod(0o777)
    with pytest.raises(ArtifactNotFound):
        _store(own_url).open_reader(number)
