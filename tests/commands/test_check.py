"""``check``, as it is typed."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.sweep.command_line import main

FEW = [
    "--set",
    "search.space={loss_variant: {choices: [sobel]}}",
    "--set",
    "loss.gradient_weight=0.1",
    "--set",
    "predictor.options.depth=1",
    "--set",
    "training.batch_size=4",
]


@pytest.fixture(scope="module")
def in_memory(tiny_yaml: Path) -> tuple[int, Any]:
    """The exit code of a check of data in memory, and what it says as JSON."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = main(["check", str(tiny_yaml), "--json", *FEW])
    return code, json.loads(said.getvalue())


@pytest.mark.xdist_group("check")
def test_json_holds_every_check_and_the_code_is_0_where_all_pass(
    in_memory: tuple[int, Any],
) -> None:
    code, tree = in_memory
    assert code == 0
    assert set(tree) == {"checks"}
    assert all(set(check) == {"name", "ok", "detail", "fix"} for check in tree["checks"])
    assert [check["name"] for check in tree["checks"] if check["ok"] is True] == [
        "units",
        "values in training",
        "values in validation",
        "values in test",
        "level",
        "mask",
        "time",
        "blur",
        "weights",
        "evaluation mode",
        "optimiser",
        "learning rate",
        "training",
        "length",
        "loss term mse",
        "loss term sobel",
    ]


def test_a_failure_is_shown_with_its_fix_and_the_code_is_1(
    tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = ["--set", "training.learning_rate=0"]
    assert main(["check", str(tiny_yaml), *FEW, *rate]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert any(line.startswith("weights") and " pass " in line for line in lines)
    assert any(line.startswith("optimiser") and " FAIL " in line for line in lines)
    assert "fix: set training.learning_rate above 0, such as 1e-3" in said.out
    assert lines[-1] == "3 of 16 checks failed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.yaml"], "configuration nowhere.yaml does not exist"),
        (["--set", "data.path=nowhere.nc"], "nowhere.nc does not exist; check the path"),
        (["--set", "predictor.options.dpth=2"], "unknown option 'dpth': did you mean 'depth'?"),
        (["--set", "loss.base=crps"], "loss.base is crps"),
        (["--json", "--jsn"], "No such option: --jsn"),
    ],
)
def test_bad_input_is_refused_as_everywhere(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert said in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.slow
def test_the_quickstart_passes_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--json"]) == 0
    assert all(check["ok"] for check in json.loads(capsys.readouterr().out)["checks"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.xdist_group("check")
def test_large_data_are_checked_from_a_file_that_is_removed(
    in_memory: tuple[int, Any],
    tiny_yaml: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    main(["check", str(tiny_yaml), "--json", *FEW, "--set", "workers.share_data_above_mb=0"])

    assert json.loads(capsys.readouterr().out) == in_memory[1]
    assert f"are written to {tmp_path}/fieldsharp-" in caplog.text
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("fieldsharp-")]
