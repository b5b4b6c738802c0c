"""Beginning with the best of an earlier study, as it is typed."""

import json
import logging
from pathlib import Path

import pytest

from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.safe_yaml import read_yaml

pytestmark = pytest.mark.outside


def test_it_is_begun_with_gone_on_with_and_shown(
    finished_url: str,
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    start = ["start", str(tiny_yaml), "--study", "next", "--workers", "1"]
    begin = [*start, "--set", "data.train_every=5", "--from", "tiny"]
    with caplog.at_level(logging.INFO):
        assert main([*begin, "--from-storage", finished_url, "--trials", "2"]) == 0
    assert "next: right after the baseline: from tiny: trial" in caplog.text

    # What was chosen is kept: neither needs the earlier study again.
    assert main([*begin[:-2], "--trials", "3"]) == 0
    assert main(["resume", "next", "--trials", "3"]) == 0
    capsys.readouterr()
    assert main(["status", "next", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 3
    assert main(["export", "next", "--trial", "1", "--format", "json"]) == 0
    assert '"from tiny: trial ' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "tinny"], "there is no study 'tinny': did you mean 'tiny'?"),
        (
            ["--from", "tiny", "--set", "search.space.loss_variant.choices=[amse]"],
            "fits the search",
        ),
        (["--from", "tiny", "--study", "tiny"], "--from names 'tiny', the study that is to be"),
    ],
    ids=["misspelt", "nothing fits", "itself"],
)
def test_what_cannot_be_begun_with_is_refused_in_one_sentence(
    finished_url: str,
    tiny_yaml: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    arguments = ["start", str(tiny_yaml), "--study", "next", "--storage", finished_url]
    assert main([*arguments, *options]) == 2
    complaint = capsys.readouterr().err.splitlines()
    assert len(complaint) == 1
    assert said in complaint[0]


def test_a_database_without_a_study_of_it_is_refused(
    tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", str(tiny_yaml), "--from-storage", "sqlite:///other.db"]) == 2
    assert "no study of it is named; add --from STUDY" in capsys.readouterr().err


def test_a_password_in_the_address_of_the_earlier_database_is_refused(
    tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://me:secret@host/db"
    assert main(["start", str(tiny_yaml), "--from", "tiny", "--from-storage", url]) == 2
    said = capsys.readouterr().err
    assert "carries a password" in said
    assert "secret" not in said


def test_under_a_falling_rate_it_trains_for_the_steps_of_the_earlier_baseline(
    finished_url: str,
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two epochs of three steps there; here, with half the batch, an epoch has six."""
    monkeypatch.chdir(tmp_path)
    settings = ["--set", "training.length=auto", "--set", "training.batch_size=4"]
    start = ["start", str(tiny_yaml), "--study", "next", "--workers", "1", "--trials", "1"]
    with caplog.at_level(logging.INFO):
        assert main([*start, *settings, "--from", "tiny", "--from-storage", finished_url]) == 0
    assert "trained for the 6 steps of the baseline of tiny, in epochs: 1" in caplog.text
    assert main(["export", "next", "--trial", "0", "-o", "next.yaml"]) == 0
    tree = read_yaml(Path("next.yaml"))
    assert (tree["training"]["length"], tree["training"]["epochs"]) == ("fixed", 1)
    assert tree["exported"]["steps"] == 6


def test_the_most_steps_hold_for_the_length_of_the_earlier_baseline_too(
    finished_url: str,
    tiny_yaml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Six steps there; here an epoch has three."""
    monkeypatch.chdir(tmp_path)
    settings = ["--set", "training.length=auto", "--set", "training.most_steps=3"]
    start = ["start", str(tiny_yaml), "--study", "next", "--workers", "1", "--trials", "1"]
    with caplog.at_level(logging.INFO):
        assert main([*start, *settings, "--from", "tiny", "--from-storage", finished_url]) == 0
    assert "6 steps of the baseline of tiny, but for at most the 3 of" in caplog.text
    assert main(["export", "next", "--trial", "0", "-o", "next.yaml"]) == 0
    assert read_yaml(Path("next.yaml"))["exported"]["steps"] == 3
