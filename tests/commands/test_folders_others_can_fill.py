"""Every command on a database beside whose files somebody else can put others."""

from pathlib import Path

import pytest

from fieldsharp.storage.location.paths import files_folder, study_lock
from fieldsharp.sweep.command_line import main
from tests.storage.databases import url_of, with_study

PRECIOUS = "what somebody needs"


@pytest.mark.parametrize(
    "command",
    [
        "start sweep.yaml --study s",
        "resume s",
        "confirm s",
        "status s",
        "status s --watch",
        "report s -o report.html",
        "export s",
        "stop s",
        "dashboard --port 0",
        "dashboard --port 0 --allow-write",
        "storage check",
        "storage backup",
        "storage restore",
        "storage upgrade",
    ],
)
def test_it_is_refused_in_one_sentence_and_no_link_is_followed(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)
    Path("sweep.yaml").write_text("data: {path: waves.nc, history: 2, horizon: 2}\n")
    Path("victim").write_text(PRECIOUS)
    url = url_of(with_study(tmp_path / "sweeps.db"))
    folder = files_folder(url)
    folder.mkdir()
    folder.chmod(0o777)
    study_lock(url, "s").symlink_to(tmp_path / "victim")
    before = sorted(tmp_path.rglob("*"))
    assert main([*command.split(), "--storage", url]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"error: {folder} can be written by every user (mode 0777), who may have put anything into "
        f"it; look at what it holds, then close it with chmod 700 {folder}, or choose another "
        "database with --storage\n"
    )
    assert Path("victim").read_text() == PRECIOUS
    assert sorted(tmp_path.rglob("*")) == before
