"""The table of ratios: how it is printed, and what of it is kept."""

import json
from pathlib import Path

import pytest

from benchmarks import bench
from benchmarks.bench import Measure, read_parts, run_parts, write_part
from benchmarks.measurement import Measurement, table

LESS = Measurement("step", "unet", "trainer", "plain", "ms", [1, 2, 3], [4, 4, 4], aim=0.5)
MORE = Measurement(
    "throughput",
    "8 trials",
    "sweep",
    "plain",
    "trials/h",
    [300, 200],
    [200, 200],
    better="more",
    aim=1.6,
    note="at work",
)


def test_the_ratio_is_one_of_medians_and_its_spread_one_of_pairs() -> None:
    assert LESS.ratio == 0.5
    assert LESS.ratios == [0.25, 0.5, 0.75]
    assert LESS.reached is True
    assert MORE.ratio == 1.25
    assert MORE.reached is False


def test_the_table_has_a_line_each_and_the_notes_below() -> None:
    lines = table([LESS, MORE]).splitlines()

    assert " ".join(lines[0].split()) == (
        "part what ours beside ours beside unit ratio aim reached"
    )
    assert lines[1].split()[-6:] == ["ms", "0.50", "[0.25-0.75]", "<=", "0.5", "yes"]
    assert lines[2].split()[-6:] == ["trials/h", "1.25", "[1.00-1.50]", ">=", "1.6", "no"]
    assert lines[4:] == ["throughput, 8 trials: at work"]


def test_a_part_that_is_measured_again_replaces_its_own_lines(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    write_part(path, "step", [LESS, LESS], 1.0)
    write_part(path, "throughput", [MORE], 2.0)
    write_part(path, "step", [LESS], 3.0)

    tree = json.loads(path.read_text())
    assert {name: len(part["measurements"]) for name, part in tree["parts"].items()} == {
        "step": 1,
        "throughput": 1,
    }
    line = tree["parts"]["throughput"]["measurements"][0]
    assert (line["ratio"], line["ratio_least"], line["ratio_most"]) == (1.25, 1.0, 1.5)
    assert set(tree["versions"]) == {"python", "torch", "optuna", "numpy", "sqlalchemy", "ray"}
    machine = tree["machine"]
    assert machine["cores"] >= 1
    assert machine["cuda"] is not None or "nothing is claimed" in machine["cuda_note"]
    assert all(part["date"].endswith("+00:00") for part in tree["parts"].values())


def test_a_part_that_fails_costs_no_other_and_none_of_its_earlier_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "latest.json"
    write_part(path, "step", [LESS], 1.0)

    def load(name: str) -> Measure:
        def measure(*, short: bool) -> list[Measurement]:
            if name == "step":
                raise RuntimeError("no memory left")
            return [MORE]

        return measure

    lines, failed = run_parts(["step", "throughput"], short=True, results=path, load=load)

    assert (lines, failed) == ([MORE], ["step"])
    assert set(read_parts(path)) == {"step", "throughput"}
    assert "no memory left" in capsys.readouterr().err


def test_an_unknown_part_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        bench.main(["--parts", "speed"])

    assert stop.value.code == 2
    assert "throughput" in capsys.readouterr().err
