"""Results on disk until the database has them."""

from pathlib import Path

import pytest

from fieldsharp.storage.trial_files.result_spool import ResultSpool


@pytest.fixture
def spool(tmp_path: Path) -> ResultSpool:
    return ResultSpool(tmp_path / "deep" / "spool")


def test_a_result_is_there_until_it_is_removed(spool: ResultSpool) -> None:
    assert list(spool.results()) == []
    spool.put(12, "zwölf\n")
    spool.put(3, '{"a": 1}')
    assert list(spool.results()) == [(3, '{"a": 1}'), (12, "zwölf\n")]
    assert len(spool) == 2
    spool.remove(3)
    spool.remove(3)
    assert list(ResultSpool(spool.folder).results()) == [(12, "zwölf\n")]


def test_a_second_result_of_a_trial_takes_the_place_of_the_first(spool: ResultSpool) -> None:
    spool.put(3, "first")
    spool.put(3, "second")
    assert list(spool.results()) == [(3, "second")]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another"])
def test_a_damaged_result_is_put_aside_and_the_others_are_read(
    spool: ResultSpool, damage: str
) -> None:
    spool.put(3, "a result " * 50)
    spool.put(4, "whole")
    path = spool.folder / "000003.json"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[:-10]
    elif damage == "flipped":
        content[-10] ^= 1
    elif damage == "empty":
        content = bytearray()
    else:
        content = bytearray(b"{}")
    path.write_bytes(content)
    assert list(spool.results()) == [(4, "whole")]
    assert [path.name for path in sorted(spool.folder.iterdir())] == [
        "000003.damaged",
        "000004.json",
    ]
    assert list(spool.results()) == [(4, "whole")]
    assert len(spool) == 1


def test_what_a_writer_that_died_left_half_done_is_no_result(spool: ResultSpool) -> None:
    spool.put(3, "whole")
    (spool.folder / ".000004.json.77.partial").write_bytes(b"fieldsharp res")
    (spool.folder / "notes.txt").write_text("of a person")
    assert list(spool.results()) == [(3, "whole")]
    assert len(spool) == 1


def test_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file stands where the folder should")
    with pytest.raises(OSError, match="spool"):
        ResultSpool(tmp_path / "spool").put(3, "result")


def test_results_are_of_their_user_alone(spool: ResultSpool) -> None:
    spool.put(3, "result")
    assert (spool.folder / "000003.json").stat().st_mode & 0o777 == 0o600
    assert spool.folder.stat().st_mode & 0o777 == 0o700


def test_unfinished_files_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    spool = ResultSpool(tmp_path / "spool")
    spool.put(3, "a result")
    (spool.folder / ".000004.json.123.partial").write_bytes(b"half of o")
    assert list(spool.results()) == [(3, "a result")]
    assert [path.name for path in spool.folder.iterdir()] == ["000003.json"]
