"""What members can be asked of a run, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fieldsharp
from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.results.members_asked import MembersAsked
from fieldsharp.sweep.results.prediction import forecast_of_length
from fieldsharp.sweep.results.run_folder import TrainedRun
from tests.sweep.results.members import members_of


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--members", "8"],
            "--members 8 can be given for an ensemble alone, and the predictor of this run, unet, "
            "makes a single forecast; leave it out, or train a run with predictor.name ensemble",
        ),
        (["--seed", "3"], "--seed 3 can be given for an ensemble alone"),
        (["--members", "2", "--seed", "3"], "--members 2 and --seed 3 can be given"),
        (["--members", "0"], "'--members': Input should be greater than or equal to 1"),
        (["--members", "-1"], "'--members': Input should be greater than or equal to 1"),
        (["--members", "1.5"], "'--members': Input should be a valid integer"),
        (["--members", "9" * 30], f"number from 1 to 2147483647, found {'9' * 30}"),
        (["--seed", "-1"], "'--seed': Input should be greater than or equal to 0"),
        (["--seed", str(2**31)], "number from 0 to 2147483647, found 2147483648"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_members_that_a_run_cannot_draw_are_refused(
    run_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    path = tmp_path / "m.nc"
    assert main(["predict", str(run_folder), "--steps", "2", "-o", str(path), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not path.exists()


@pytest.mark.parametrize(
    ("members", "seed", "said"),
    [
        (0, None, "--members must be a whole number from 1 to 2147483647, found 0"),
        (1.5, None, "found 1.5"),
        (True, None, "found True"),
        ("8", None, "found '8'"),
        (8, -1, "--seed must be a whole number from 0 to 2147483647, found -1"),
        (8, 2**31, "found 2147483648"),
    ],
)
def test_in_python_too(ensemble_folder: Path, members: Any, seed: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        fieldsharp.load(ensemble_folder).predict(2, members=members, seed=seed)


def test_whole_numbers_of_numpy_are_numbers(ensemble: TrainedRun) -> None:
    found: Any = members_of(ensemble, 2, members=np.int64(2), seed=np.int64(3))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, members_of(ensemble, 2, members=2, seed=3))


def test_members_that_memory_cannot_hold_are_refused_with_how_many_it_can(
    ensemble: TrainedRun,
) -> None:
    with pytest.raises(DataError, match=r"5 frames of each of 2147483647 members take up") as found:
        forecast_of_length(ensemble, 5, asked=MembersAsked(2**31 - 1))
    fitting = re.search(r"ask for at most (\d+) members, or for fewer frames$", str(found.value))
    assert fitting is not None
    MembersAsked(int(fitting[1]) // 2).require_memory(5, ensemble.shape, sharpened=True)
    with pytest.raises(DataError, match="at most"):
        MembersAsked(int(fitting[1]) * 2).require_memory(5, ensemble.shape, sharpened=True)
    with pytest.raises(DataError, match=r"memory; ask for fewer frames$"):
        forecast_of_length(ensemble, 2**40)
    with pytest.raises(DataError, match=r"memory; ask for fewer frames and members$"):
        forecast_of_length(ensemble, 2**40, asked=MembersAsked(8))
