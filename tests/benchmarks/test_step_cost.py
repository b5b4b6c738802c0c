from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.step_cost import PRECISIONS, SMALLEST, Step, main
from fieldsharp.model.registry import NETS


@pytest.mark.outside
def test_one_repeat_gives_a_row_for_every_predictor_and_precision(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    path = tmp_path / "costs.json"

    assert main(["--repeats", "1", "--json", str(path)], SMALLEST) == 0

    rows = json.loads(path.read_text())
    expected = [(name, precision) for name in NETS for precision in PRECISIONS]
    assert [(row["predictor"], row["precision"]) for row in rows] == expected
    assert all(row["parameters"] > 0 and row["gflop"] > 0 and row["share"] > 0 for row in rows)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[0] == "predictor"
    assert [line.split()[0] for line in printed[2:]] == [name for name, _ in expected]
    assert torch.get_num_threads() == threads


def test_the_flops_of_a_convolution_are_counted_by_hand() -> None:
    step = Step("convlstm", SMALLEST[0], "float32", torch.device("cpu"))

    # Two frames are read (history 2, the last one gives the forecast); a multiply-add is 2 FLOPs.
    gates = [4 * 16 * (inputs + 16) * 9 for inputs in (1, 16)]
    forward = 2 * (2 * 8 * 8) * (2 * sum(gates) + 16)

    assert step.flops() == 3 * forward


@pytest.mark.parametrize("repeats", ["0", "-1", "many"])
def test_bad_repeats_are_refused(repeats: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--repeats", repeats], SMALLEST)

    assert stop.value.code == 2
    assert "--repeats" in capsys.readouterr().err
