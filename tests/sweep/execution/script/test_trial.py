"""Scripts as trials: what is heard of them, and how each way of failing ends."""

import errno
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldsharp.core.secret_variables import SECRET_VARIABLES
from fieldsharp.sweep.execution.script import process, trial
from fieldsharp.sweep.study.trial_events import RungReached, TrialCancelled, TrialDone, TrialFailed
from tests.sweep.execution.script.scripts import ALL_WELL, PROGRESS, is_alive, pid_in, run_script


def test_numbers_are_picked_from_what_is_printed_and_the_last_counts(tmp_path: Path) -> None:
    ran = run_script(tmp_path, 'print("gradient 1.0")\n' + ALL_WELL)
    assert isinstance(ran.end, TrialDone)
    (report,) = ran.reports
    assert report.metrics == {"gradient": 2.1, "peak": 112.0, "rmse": 0.5}
    assert report.judgement.by_lead["gradient"] == [2.1]
    assert ran.printed == "gradient 1.0\n" + ALL_WELL[7:-3] + "\n"


def test_numbers_in_colours_are_read_without_them(tmp_path: Path) -> None:
    source = 'print("gradient 2.1 \\x1b[32mpeak 112\\x1b[0m rmse \\x1b[1;31m0.5\\x1b[0m")\n'
    ran = run_script(tmp_path, source)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[-1].metrics == {"gradient": 2.1, "peak": 112.0, "rmse": 0.5}


def test_a_file_of_metrics_is_read_and_what_is_no_number_passed_over(tmp_path: Path) -> None:
    found = {"gradient": 2.1, "peak": 112, "rmse": 0.5, "bias": 0.1, "name": "x", "ok": True}
    source = f"import json\njson.dump({found!r}, open('found.json', 'w'))\n"
    ran = run_script(tmp_path, source, metrics="found.json", patterns={})
    expected = {k: v for k, v in found.items() if k not in ("name", "ok")}
    assert ran.reports[0].metrics == expected
    assert not (tmp_path / "project" / "found.json").exists()


def test_a_second_script_is_run_after_the_first_where_that_ended_well(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    analysis = "import os\nassert os.environ['GW'] == '2'\nprint('gradient', open('g').read())\n"
    (tmp_path / "project" / "analysis.py").write_text(analysis, encoding="utf-8")
    train = "print('peak 112 rmse 0.5')\nopen('g', 'w').write('2.5')\n"
    settings: dict[str, Any] = {"then": ["python", "analysis.py"], "values": "env"}
    ran = run_script(tmp_path, train, given={"gw": 2}, **settings)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[0].metrics == {"gradient": 2.5, "peak": 112.0, "rmse": 0.5}
    assert ran.printed == "peak 112 rmse 0.5\ngradient 2.5\n"
    ran = run_script(tmp_path / "b", "exit(3)\n", then=["python", "train.py"])
    assert ran.reason.startswith("the script ended with exit code 3")


def test_a_script_inherits_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("ANOTHER", "is handed on")
    ran = run_script(tmp_path, "import os\nprint(dict(os.environ))\n" + ALL_WELL)
    assert "hunter2" not in ran.printed
    assert "is handed on" in ran.printed


SAVE = "import numpy as np\nr = np.random.default_rng(0)\nt = r.normal(size=(6, 12, 12))\n"


def test_files_are_judged_as_evaluate_does_guards_and_all(tmp_path: Path) -> None:
    source = SAVE + "np.save('t.npy', t)\nnp.save('f.npy', 0.5 * t)\n"
    ran = run_script(tmp_path, source, forecast="f.npy", truth="t.npy", patterns={})
    metrics = ran.reports[0].metrics
    truth = np.random.default_rng(0).normal(size=(6, 12, 12))
    assert metrics["rmse"] == pytest.approx(np.sqrt((0.25 * truth**2).mean(axis=(1, 2)).mean()))
    assert metrics["gradient"] == pytest.approx(0.5 * metrics["gradient_observed"])
    assert {"power_small", "anomaly_correlation", "std_ratio"} <= metrics.keys()
    assert ran.reports[0].judgement.leads == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import sys\nprint('oh')\nsys.exit(3)", "the script ended with exit code 3 .*printed: oh"),
        ("raise ValueError('no data')", "exit code 1: ValueError: no data$"),
        ("import os\nos.abort()", "was ended by signal 6"),
        ("", "printed no line with its gradient and peak and rmse.*it printed nothing"),
        ("print('gradient x peak 1 rmse 1')", "the gradient printed is 'x', which is no number"),
        ("print('gradient nan peak 1 rmse 1')", "the gradient of the forecast is nan"),
        ("print('gradient 1e306 peak 1 rmse 1')", "the gradient of the forecast is 1e.306"),
        ("print('gradient 1_0 peak 1 rmse 1')", "the gradient printed is '1_0', which is no"),
        ("print('gradient 1 peak 1 rmse -3')", "the rmse is -3, and it cannot be negative"),
    ],
)
def test_what_is_printed_can_be_wrong_in_many_ways(
    tmp_path: Path, source: str, reason: str
) -> None:
    ran = run_script(tmp_path, source)
    assert isinstance(ran.end, TrialFailed)
    assert ran.end.cause == "training"
    assert re.search(reason, ran.reason), ran.reason
    assert "\n" not in ran.reason


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        ("np.save('t.npy', t)", "ended without an error and there is no file f.npy"),
        ("np.save('t.npy', t); np.save('f.npy', t[:, :8])", "has a grid of 8 x 12 cells"),
        ("np.save('t.npy', t); np.save('f.npy', t[:4])", "has 4 frames and the truth 6"),
        ("np.save('t.npy', t); np.save('f.npy', t * np.nan)", "f.npy holds no number in any"),
        (
            "np.save('t.npy', t); t = t.copy(); t[0, 0, :2] = np.nan; np.save('f.npy', t)",
            "has no value where the truth has one, 2 times",
        ),
        ("np.save('t.npy', t); open('f.npy', 'w').write('x')", "cannot be evaluated: .*f.npy"),
        (
            "np.save('t.npy', t); import os; os.symlink('t.npy', 'f.npy')",
            "and the truth are the same file",
        ),
        (
            "import os; np.save('t.npy', t); np.save('../g', t); os.symlink('../g.npy', 'f.npy')",
            "f.npy is a link to .*, outside the folder of the trial",
        ),
    ],
)
def test_a_forecast_can_be_wrong_in_many_ways(tmp_path: Path, write: str, reason: str) -> None:
    ran = run_script(tmp_path, f"{SAVE}{write}\n", forecast="f.npy", truth="t.npy", patterns={})
    assert isinstance(ran.end, TrialFailed)
    assert re.search(reason, ran.reason), ran.reason


def test_a_forecast_of_a_part_of_the_times_is_refused_and_an_empty_frame_is_none(
    tmp_path: Path,
) -> None:
    source = (
        SAVE + "import xarray as xr\n"
        "def save(name, v): xr.Dataset({'q': (('time', 'y', 'x'), v)}, coords={'time': np.arange("
        "len(v)).astype('datetime64[h]').astype('datetime64[ns]')}).to_netcdf("
        "name, engine='h5netcdf')\n"
    )
    files: dict[str, Any] = {"forecast": "f.nc", "truth": "t.nc", "patterns": {}}
    ran = run_script(tmp_path / "a", source + "save('t.nc', t)\nsave('f.nc', t[:4])", **files)
    assert "f.nc lacks 2 of the times that t.nc has" in ran.reason
    empty = "save('f.nc', t[:4])\nt[4:] = np.nan\nsave('t.nc', t)"
    ran = run_script(tmp_path / "b", source + empty, **files)
    assert isinstance(ran.end, TrialDone), ran.reason


def test_a_result_that_stood_there_before_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    there = tmp_path / "project" / "found.json"
    there.write_text(json.dumps({"gradient": 2.1, "peak": 112, "rmse": 0.5}), encoding="utf-8")
    ran = run_script(tmp_path, "", metrics="found.json", patterns={})
    assert "there is no file found.json" in ran.reason
    assert there.exists()


def test_a_store_that_stood_there_before_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    there = tmp_path / "project" / "f.zarr" / "c"
    there.mkdir(parents=True)
    source = f"{SAVE}np.save('t.npy', t)\n"
    ran = run_script(tmp_path, source, forecast="f.zarr", truth="t.npy", patterns={})
    assert "there is no file f.zarr" in ran.reason
    assert there.exists()


def test_a_folder_that_is_gone_before_the_second_script_is_told_so(tmp_path: Path) -> None:
    source = "import os, shutil\nshutil.rmtree(os.getcwd())\n"
    ran = run_script(tmp_path, source, then=["python", "-c", "pass"])
    assert "cannot be started in its copy of the project (No such file" in ran.reason


@pytest.mark.parametrize(("values", "variable"), [("json", "SWEEP_VALUES"), ("env", "PYTHONPATH")])
def test_a_script_finds_what_is_its_own_from_where_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: str, variable: str
) -> None:
    """A database that is named by a relative path has the folders of its trials so, too."""
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "project" / "src" / "own.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "project" / "src"))
    monkeypatch.chdir(tmp_path)
    source = f"import os\nassert os.path.exists(os.environ[{variable!r}])\n{ALL_WELL}"
    ran = run_script(Path(), source, values=values, given={"w": 1.0})
    assert isinstance(ran.end, TrialDone), ran.reason


def test_a_negative_number_is_no_flag(tmp_path: Path) -> None:
    source = (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--w', type=float)\n"
        f"assert p.parse_args().w == -9.5e-06\n{ALL_WELL}"
    )
    ran = run_script(tmp_path, source, values="flags", given={"w": -9.5e-06})
    assert isinstance(ran.end, TrialDone), ran.reason


def test_no_constant_of_the_original_is_ever_replaced(tmp_path: Path) -> None:
    config = tmp_path / "project" / "config"
    config.mkdir(parents=True)
    (config / "__init__.py").write_text("W = 0.05\n", encoding="utf-8")
    constants: dict[str, Any] = {
        "names": {"w": "config:W"},
        "given": {"w": 0.7},
        "baseline": {"w": 0},
    }
    ran = run_script(tmp_path, ALL_WELL, values="constants", links=["config"], **constants)
    assert "is a link to" in ran.reason
    assert (config / "__init__.py").read_text(encoding="utf-8") == "W = 0.05\n"


def test_a_script_that_never_ends_is_ended_at_its_limit(tmp_path: Path) -> None:
    source = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
    ran = run_script(tmp_path, source, timeout="0.3s")
    assert ran.reason == "the script did not end within 0.3s (trainer.timeout)"
    assert ran.seconds < 2
    assert ran.printed == "begun\n"


CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], {how})
open({at!r}, "w").write(str(child.pid))
"""


@pytest.mark.parametrize("how", ["", "start_new_session=True"])
def test_children_that_outlive_the_script_are_ended_also_out_of_their_group(
    tmp_path: Path, how: str
) -> None:
    ran = run_script(tmp_path, CHILD.format(how=how, at=str(tmp_path / "pid")) + ALL_WELL)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert not is_alive(pid_in(tmp_path / "pid"))
    assert ran.seconds < 2


@pytest.mark.skipif(sys.platform != "linux", reason="they are found there alone")
def test_a_script_that_kills_its_supervisor_leaves_no_child(tmp_path: Path) -> None:
    kills = "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)\n"
    child = CHILD.format(how="start_new_session=True", at=str(tmp_path / "pid"))
    ran = run_script(tmp_path, child + kills)
    assert "ended because its supervisor process was killed" in ran.reason
    assert not is_alive(pid_in(tmp_path / "pid"))


def test_a_script_that_is_deaf_is_ended_with_its_children_when_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    source = deaf + CHILD.format(how="", at=str(tmp_path / "pid")) + "time.sleep(60)\n"
    written = tmp_path / "pid"
    ran = run_script(
        tmp_path,
        source,
        message=("cancel", lambda: written.exists() and bool(written.stat().st_size)),
    )
    assert isinstance(ran.end, TrialCancelled)
    assert not is_alive(pid_in(written))


def test_of_what_is_printed_without_end_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    source = (
        "import sys\nprint('first')\nline = 'x' * 99 + '\\n'\n"
        "for _ in range(200):\n    sys.stdout.write(line * 1000)\n"
    )
    ran = run_script(tmp_path, source + ALL_WELL)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.printed.startswith("first\n")
    assert "gradient 2.1" in ran.printed[-40:]
    assert "bytes left out" in ran.printed
    assert len(ran.printed) < 300_000


def test_a_line_without_end_is_not_kept_in_memory(tmp_path: Path) -> None:
    source = "import sys\nfor _ in range(50):\n    sys.stdout.write('x' * 1000000)\nprint()\n"
    assert isinstance(run_script(tmp_path, source + ALL_WELL).end, TrialDone)


EPOCHS = """
import os, pathlib
state = pathlib.Path(os.environ["SWEEP_CHECKPOINTS"], "epoch")
done = int(state.read_text()) if state.exists() else 0
for epoch in range(done + 1, 5):
    state.write_text(str(epoch))
    print(f"epoch {epoch} gradient {epoch} peak 100 rmse 1", flush=True)
    THEN
print("gradient 9 peak 112 rmse 0.5")
"""


def test_lines_of_progress_are_epochs_and_the_result_takes_the_place_of_the_last(
    tmp_path: Path,
) -> None:
    ran = run_script(tmp_path, EPOCHS.replace("THEN", ""), epochs=4, progress=PROGRESS)
    assert [report.epoch for report in ran.reports] == [0, 1, 2, 3]
    assert [report.metrics["gradient"] for report in ran.reports] == [1, 2, 3, 9]


def test_a_script_is_ended_at_a_rung_and_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    source = EPOCHS.replace("THEN", "import time; time.sleep(0.2)")
    first = run_script(tmp_path, source, epochs=4, until=2, progress=PROGRESS, resumes=True)
    assert isinstance(first.end, RungReached)
    assert [report.epoch for report in first.reports] == [0, 1]
    second = run_script(tmp_path, source, epochs=4, attempt=2, progress=PROGRESS, resumes=True)
    assert isinstance(second.end, TrialDone), second.reason
    assert [report.metrics["gradient"] for report in second.reports] == [1, 2, 3, 9]


def test_an_epoch_that_is_no_number_fails_at_once(tmp_path: Path) -> None:
    source = "import time\nprint('epoch 1 gradient nan peak 1 rmse 1', flush=True)\ntime.sleep(60)"
    ran = run_script(tmp_path, source, epochs=3, progress=PROGRESS)
    assert ran.reason == "the gradient is nan after epoch 1: the training diverged"
    assert ran.seconds < 2


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ("flags", "import sys\nw, s = sys.argv[2], sys.argv[4]\nassert sys.argv[1] == '--g-w'"),
        (
            "json",
            "import json, os\nd = json.load(open(os.environ['SWEEP_VALUES']))\n"
            "w, s = d['g_w'], d['all_steps']",
        ),
        ("env", "import os\nw, s = os.environ['G_W'], os.environ['ALL_STEPS']"),
    ],
)
def test_values_reach_the_script(tmp_path: Path, values: str, source: str) -> None:
    source += "\nprint('gradient', w, 'peak', 1, 'rmse', 2)\nassert str(s).lower() == 'true'\n"
    given = {"g_w": 0.25, "all_steps": True}
    ran = run_script(tmp_path, source, values=values, given=given)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[0].metrics["gradient"] == 0.25


def test_modules_on_the_search_path_are_those_of_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, elsewhere = tmp_path / "project" / "src", tmp_path / "elsewhere"
    for folder in (source, elsewhere):
        folder.mkdir(parents=True)
    (source / "settings_of_mine.py").write_text("WEIGHT = 0.05\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{source}{os.pathsep}{elsewhere}")
    script = (
        "import os, settings_of_mine as s\nprint('gradient', s.WEIGHT, 'peak 1 rmse 1')\n"
        f"assert {str(elsewhere)!r} in os.environ['PYTHONPATH']\n"
    )
    names = {"weight": "src.settings_of_mine:WEIGHT"}
    given: dict[str, Any] = {"given": {"weight": 0.7}, "baseline": {"weight": 0}}
    ran = run_script(tmp_path, script, values="constants", names=names, **given)
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[0].metrics["gradient"] == 0.7


def test_the_python_of_a_project_is_run_where_it_is(tmp_path: Path) -> None:
    environment = tmp_path / "project" / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    source = f"import sys\nassert sys.executable == {str(environment / 'bin' / 'python')!r}\n"
    ran = run_script(tmp_path, source + ALL_WELL, command=[".venv/bin/python", "train.py"])
    assert isinstance(ran.end, TrialDone), ran.reason
    assert not (tmp_path / "study" / "project" / ".venv").exists()


def test_a_project_is_copied_and_its_data_linked(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "data" / "x.txt").write_text("112", encoding="utf-8")
    (project / ".git").mkdir()
    source = (
        "import pathlib\nopen('written.txt', 'w').write('x')\n"
        "assert pathlib.Path('data').is_symlink()\nassert not pathlib.Path('.git').exists()\n"
        "print('gradient 1 rmse 1 peak', open('data/x.txt').read())\n"
    )
    ran = run_script(tmp_path, source, links=["data"])
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[0].metrics["peak"] == 112
    assert sorted(p.name for p in project.iterdir()) == [".git", "data", "train.py"]


def test_folders_that_are_left_out_are_empty_and_links_without_end_followed_once(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    for folder in ("runs", "data_cache", ".x_cache"):
        (project / folder).mkdir(parents=True)
        (project / folder / "old").write_text("x", encoding="utf-8")
    (project / "around").symlink_to(project)
    (project / "mine.sqlite").write_text("x", encoding="utf-8")
    (project / "mine.sqlite.files").mkdir()
    source = (
        "import os\nassert os.listdir('runs') == []\nassert os.listdir('data_cache') == ['old']\n"
        "print(sorted(os.listdir()))\n" + ALL_WELL
    )
    ran = run_script(tmp_path, source, leave_out=["runs"])
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.printed.startswith("['data_cache', 'runs', 'train.py']")
    assert (project / "runs" / "old").exists()


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_where_no_process_can_be_started_it_is_the_machine_that_is_to_blame(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_given: object, **_named: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fieldsharp.sweep.execution.script.process.subprocess.Popen", start)
    ran = run_script(tmp_path, ALL_WELL)
    assert isinstance(ran.end, TrialFailed)
    assert ran.end.cause == "machine"
    assert ran.reason == f"no process can be started for the script ({os.strerror(number)})"


class _Closed(type(Path())):  # type: ignore[misc]
    def is_dir(self) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))


def test_a_project_that_cannot_be_looked_at_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "project_snapshot", lambda _study: _Closed("kept"))
    ran = run_script(tmp_path, ALL_WELL)
    assert isinstance(ran.end, TrialFailed)
    assert ran.end.cause == "data"
    assert ran.reason == "kept: Permission denied"
