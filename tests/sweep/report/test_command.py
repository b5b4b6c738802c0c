"""The command writes a whole file or none, and says what it wrote."""

import json
import stat
from pathlib import Path

import pytest

from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.report.build import default_path
from fieldsharp.sweep.study.data_summary import DataSummary
from tests.sweep.report.conftest import NAME
from tests.sweep.report.studies import make_study


def test_it_writes_a_file_that_others_may_read_and_says_so_in_json(
    storage_url: str,
    tmp_path: Path,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_study(storage_url, tiny_config, tiny_facts, [])
    path = tmp_path / "out" / "report.html"
    path.parent.mkdir()
    path.write_text("the one before")
    code = main(["report", "tiny", "--storage", storage_url, "-o", str(path), "--json"])

    assert code == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "report": str(path),
        "bytes": path.stat().st_size,
        "pictures": 0,
        "verdict": "too early",
        "test_split": False,
    }
    assert "too early" in path.read_text(encoding="utf-8")
    ordinary = path.with_name("ordinary")
    ordinary.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
    assert {p.name for p in path.parent.iterdir()} == {"report.html", "ordinary"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "which is a folder; name a file in it"),
        ("report.pdf", "has not the suffix .html"),
        ("away/report.html", "there is no folder"),
    ],
)
def test_a_place_that_will_not_do_is_refused_before_any_work(
    name: str, said: str, storage_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["report", "tiny", "--storage", storage_url, "-o", str(tmp_path / name)])

    assert code == 2
    assert said in capsys.readouterr().err


def test_a_study_that_is_not_there_leaves_nothing_behind(
    finished_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.html"
    assert main(["report", "tyni", "--storage", finished_url, "-o", str(path)]) == 2
    assert "did you mean 'tiny'" in capsys.readouterr().err
    assert not path.exists()


def test_by_default_the_file_is_named_after_the_study_as_far_as_a_file_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = default_path(NAME)
    assert path.parent == Path()
    path.touch()
    assert path.name.endswith("-report.html")
    assert default_path("../..").name == "study-report.html"
