"""What is left of a file whose writer was killed while it wrote."""

from pathlib import Path

from fieldsharp.storage.trial_files.checkpoints import (
    attempt_folder,
    keep_last,
    make_attempt_folder,
    write_checkpoint,
)
from fieldsharp.storage.trial_files.result_spool import ResultSpool


def test_the_spool_clears_it_away(tmp_path: Path) -> None:
    spool = ResultSpool(tmp_path / "spool")
    spool.put(3, "a result")
    (spool.folder / ".000004.json.123.partial").write_bytes(b"half of o")
    assert list(spool.results()) == [(3, "a result")]
    assert [path.name for path in spool.folder.iterdir()] == ["000003.json"]


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
