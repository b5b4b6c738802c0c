"""Looks at disk and processes that fail while a sweep runs: it goes on, and nothing is lost."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from tests.storage.databases import NOBODY, said_by
from tests.sweep.fake_sweep import FakeExecutor, MakeSweep

CLOSED = f"""
import json, logging, os, sys
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from tests.sweep.fake_sweep import FakeExecutor, Sweep
logging.basicConfig(stream=sys.stdout)
config = SweepConfig.model_validate(json.loads(sys.argv[2]))
facts = DataSummary.model_validate_json(sys.argv[3])
Sweep(f"sqlite:///{{sys.argv[1]}}/warm.db", config, facts)  # loads what another user may not read
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
sweep, executor = Sweep(f"sqlite:///{{sys.argv[1]}}/x.db", config, facts), FakeExecutor()

def close_for_a_while(poll):
    sweep.clock.now += 5.0
    os.chmod(sweep.files.folder.parent, 0o000 if 1 <= poll < 5 else 0o700)

executor.on_poll = close_for_a_while
sweep.run(executor)
print(sweep.states)
"""
ERRORS = (errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOSPC, errno.EMFILE, errno.ENOMEM)
LOOKS: tuple[tuple[Any, str], ...] = (
    (shutil, "disk_usage"),
    (Path, "exists"),
    (Path, "is_dir"),
    (Path, "is_file"),
    (Path, "stat"),
    (Path, "glob"),
    (Path, "iterdir"),
    (Path, "unlink"),
    (Path, "rmdir"),
    (Path, "mkdir"),
    (Path, "replace"),
    (Path, "open"),
    (Path, "read_bytes"),
    (Path, "read_text"),
    (os, "open"),
    (os, "fsync"),
)
"""What the looks beside a database are made of."""


def _failing(of: Any, name: str, number: int, below: Path) -> Callable[..., Any]:
    whole = getattr(of, name)

    def look(*given: Any, **named: Any) -> Any:
        if given and str(given[0]).startswith(str(below)):
            raise OSError(number, os.strerror(number), str(given[0]))
        return whole(*given, **named)

    return look


Looks = Callable[[int], tuple[Any, str, int] | None]
"""Which look fails after a poll, and with which error."""


def _run(make_sweep: MakeSweep, trials: int, looks: Looks, patch: pytest.MonkeyPatch) -> None:
    """Run a sweep in which looks fail, and assert that nothing is lost."""
    search = {"pruner": "promotion", "rungs": [1], "most_paused": 9}
    sections: dict[str, Any] = {"search": search, "training": {"epochs": 3}}
    sweep, executor = make_sweep(trials, **sections), FakeExecutor(slots=2)
    below = sweep.files.folder.parent

    def disturb(poll: int) -> None:
        assert poll < 99, "it does not end"
        sweep.clock.now += 5.0  # so that the disk is looked at, and backups are due
        patch.undo()
        look = looks(poll)
        if look is not None:
            of, name, number = look
            patch.setattr(of, name, _failing(of, name, number, below))

    executor.on_poll = disturb
    sweep.run(executor)
    patch.undo()
    assert len(sweep.trials) == trials
    assert set(sweep.states) <= {"COMPLETE", "PRUNED"}
    assert all("record" in trial.user_attrs for trial in sweep.trials)
    heir, idle = make_sweep(trials, **sections), FakeExecutor()
    heir.run(idle)  # it removes what could not be removed then
    assert idle.submitted == []
    assert heir.files.results() == []


@pytest.mark.parametrize("shift", [0, 3])
def test_looks_beside_the_database_that_fail_end_no_sweep_and_lose_no_trial(
    make_sweep: MakeSweep, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(poll: int) -> tuple[Any, str, int]:
        return *LOOKS[poll % len(LOOKS)], ERRORS[(poll + shift) % len(ERRORS)]

    _run(make_sweep, 9, looks, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(("of", "name"), LOOKS, ids=[name for _, name in LOOKS])
def test_a_look_that_fails_for_long_ends_no_sweep_and_loses_no_trial(
    make_sweep: MakeSweep, of: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(poll: int) -> tuple[Any, str, int] | None:
        return (of, name, ERRORS[poll - 1]) if 1 <= poll <= len(ERRORS) else None

    _run(make_sweep, 6, looks, monkeypatch)


@pytest.mark.slow
def test_a_folder_that_cannot_be_entered_for_a_while_ends_no_sweep(
    tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    tree = tiny_config.model_dump(mode="json")
    tree["search"]["presets"] = "baseline"
    tree["budget"] |= {"trials": 4, "stop_on_nothing_to_fix": False}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)  # the sweep is another user's where this one is root
        found = said_by(CLOSED, folder, json.dumps(tree), tiny_facts.model_dump_json())
        assert "['COMPLETE', 'COMPLETE', 'COMPLETE', 'COMPLETE']" in found, found
        assert found.count("is not known (Permission denied)") == 1
        assert found.count("the free space is known again") == 1
