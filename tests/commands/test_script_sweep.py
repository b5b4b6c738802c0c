"""Sweeps over a script from the command line, without any data section."""

import hashlib
import json
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fieldsharp.sweep.command_line import main
from tests.commands.background import in_the_background, wait_for_epochs
from tests.sweep.execution.script.scripts import is_alive, pid_in

pytestmark = pytest.mark.outside

TRAIN = """
import argparse
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--gradient-weight", type=float)
parser.add_argument("--mode", default="well")
arguments = parser.parse_args()
weight = arguments.gradient_weight
if arguments.mode == "exits" and weight > 0:
    sys.exit(3)
print(f"gradient {2.1 + weight:.3f}")
print(f"peak {112 + 5 * weight:.3f}")
print(f"rmse {0.5 + 0.01 * weight:.3f}")
"""
SWEEP = """
study: mine
trainer:
  command: [python, train.py]
  given: {gradient_weight: 0.05, mode: well}
  patterns: {gradient: 'gradient (\\S+)', peak: 'peak (\\S+)', rmse: 'rmse (\\S+)'}
training: {epochs: 1}
objective: {targets: {gradient: 3.0, peak: 114}}
search:
  sampler: random
  space:
    gradient_weight: {low: 0.01, high: 2.0}
workers: {count: 1}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    (folder / "pkg").mkdir()
    (folder / "pkg" / "own.py").write_text("W = 0.05\nM = 'well'\n", encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return folder


def _start(project: Path, url: str, *more: str) -> int:
    return main(["start", str(project / "sweep.yaml"), "--storage", url, *more])


def test_a_sweep_over_a_script_goes_from_start_to_export(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _contents(project)
    assert _start(project, storage_url, "--trials", "4", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 4
    assert status["baseline"]["params"] == {"script.gradient_weight": 0.0}
    assert status["baseline"]["gradient"] == pytest.approx(2.1)
    # What needs a spectrum or a truth beside it cannot be taken: only the error against the
    # baseline's.
    assert "rmse" not in status["guards_not_taken"]
    assert {"spectrum_small", "roughness", "correlation"} <= set(status["guards_not_taken"])
    assert status["observed"] == {"gradient": None, "peak": None}
    assert main(["export", "mine", "--storage", storage_url, "--format", "py"]) == 0
    exported = capsys.readouterr().out
    assert f"GRADIENT_WEIGHT = {status['best']['params']['script.gradient_weight']!r}" in exported
    page = project.parent / "report.html"
    assert main(["report", "mine", "--storage", storage_url, "-o", str(page)]) == 0
    assert "the baseline has a gradient of 2.1 and a peak of 112" in page.read_text("utf-8")
    assert " from ," not in page.read_text("utf-8")
    for command in (["status", "mine"], ["resume", "mine", "--trials", "5"]):
        assert main([*command, "--storage", storage_url]) == 0
    shown = capsys.readouterr().out
    assert "from what the script writes: climatology, spectrum_small" in shown
    assert _contents(project) == before


def test_a_script_that_fails_fails_its_trial_and_the_sweep_goes_on(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _start(project, storage_url, "--trials", "3", "--json", "--set", "trainer.given.mode=exits")
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 1
    assert status["states"]["FAIL"] == 2
    reason = "the script ended with exit code 3 (it printed nothing)"
    assert set(status["failures"].values()) == {reason}


def test_a_script_that_changed_is_another_study_to_start_and_the_old_one_to_resume(
    project: Path,
    storage_url: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert _start(project, storage_url, "--trials", "1", "--quiet") == 0
    (project / "train.py").write_text(TRAIN.replace("2.1 +", "9.9 +"), encoding="utf-8")
    (project / "sweep.yaml").write_text(SWEEP + "# noted\n", encoding="utf-8")
    assert _start(project, storage_url, "--trials", "2", "--quiet") == 2
    said = capsys.readouterr().err
    assert "train.py of trainer.project has changed (resume goes on as it was); choose" in said
    assert main(["resume", "mine", "--storage", storage_url, "--trials", "2", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 2
    assert 2.1 < status["best"]["gradient"] < 4.2
    assert "as it was when the study began; changed since: train.py; for the" in caplog.text


def test_a_script_that_is_edited_in_the_middle_of_a_sweep_changes_no_trial(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = "import os\nopen(os.environ['SWEEP_PROJECT'] + '/train.py', 'a').write('1 / 0\\n')\n"
    (project / "train.py").write_text(edits + TRAIN, encoding="utf-8")
    assert _start(project, storage_url, "--trials", "3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["states"]["COMPLETE"] == 3


def test_a_study_whose_kept_project_is_gone_goes_on_only_while_the_script_is_the_same(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _start(project, storage_url, "--trials", "1", "--quiet") == 0
    (kept,) = (project.parent / "x.db.files").glob("*/project")
    shutil.rmtree(kept)
    assert main(["resume", "mine", "--storage", storage_url, "--trials", "2", "--quiet"]) == 0
    shutil.rmtree(kept)
    (project / "train.py").write_text(TRAIN + "# changed\n", encoding="utf-8")
    assert main(["resume", "mine", "--storage", storage_url, "--trials", "3", "--quiet"]) == 2
    assert "the Python files of trainer.project have other contents" in capsys.readouterr().err


def test_a_sweep_begins_with_the_best_of_another_over_a_script(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str], tiny_yaml: Path
) -> None:
    assert _start(project, storage_url, "--trials", "3", "--json") == 0
    best = json.loads(capsys.readouterr().out)["best"]["params"]["script.gradient_weight"]
    more = ["--study", "other", "--from", "mine", "--trials", "2", "--json"]
    assert _start(project, storage_url, *more) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["best"]["params"]["script.gradient_weight"] == best
    assert status["best"]["preset"].startswith("from mine: trial ")
    storage = ["--storage", storage_url]
    assert main(["start", str(tiny_yaml), *storage, "--study", "net", "--from", "mine"]) == 2
    said = capsys.readouterr().err
    assert "it is of a script, and here a predictor is trained; search what it searched" in said
    assert said.count("\n") == 1


def test_words_of_a_command_that_end_in_py_may_be_files_that_are_not_there_yet(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "trainer.command=[python, train.py, --mode=out.py, --mode, out.py]"
    assert main(["check", str(project / "sweep.yaml"), "--set", command]) == 0
    capsys.readouterr()


def test_what_is_for_predictors_alone_is_refused_in_a_sentence(
    project: Path, storage_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _start(project, storage_url, "--trials", "2", "--quiet") == 0
    assert main(["confirm", "mine", "--storage", storage_url]) == 2
    assert main(["train", str(project / "sweep.yaml"), "-o", str(tmp_path / "run")]) == 2
    confirming, training = capsys.readouterr().err.splitlines()
    assert "trains a script, whose seeds and test split are its own; run it by hand" in confirming
    assert "trains the script 'python train.py', which is run by hand; give it the" in training


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["trainer.command=python train.py"], "nothing is run through a shell"),
        (["trainer.command=[nosuchprogram]"], "there is no program 'nosuchprogram'"),
        (["trainer.command=[python, tarin.py]"], "runs tarin.py, and"),
        (["trainer.then=[python, analisys.py]"], "trainer.then runs analisys.py, and"),
        (["trainer.leave_out=[/tmp]"], "trainer.leave_out names '/tmp', which lies outside"),
        (["trainer.project=nowhere"], "is no folder; give that of the script"),
        (["trainer.links=[data]"], "trainer.links names 'data', and"),
        (["objective.targets.peak=auto"], "objective.targets.peak is auto, a share of what was"),
        (["trainer.patterns.peak=peak"], "the pattern of peak has no group, found 'peak'"),
        (["trainer.patterns.peak=(peak"], "is no regular expression"),
        (
            ["trainer.patterns.peak='test:\\n peak (.)'"],
            "has a line break, found 'test:\\\\n peak (.)', and is applied to one line",
        ),
        (["trainer.command=[python, train.py, --lr, 0.10]"], "found 0.1 among them; write it in"),
        (["trainer.command=[python, train.py, --on, true]"], "found True among them; write it in"),
        (["trainer.patterns={}"], "trainer.patterns lacks gradient, peak, rmse"),
        (["trainer.forecast=f.nc"], "trainer.forecast is set and trainer.truth is not"),
        (["trainer.forecast=../f.nc", "trainer.truth=t.nc"], "outside the folder of a trial"),
        (["trainer.progress=epoch (?P<epoch>x)"], "lacks the groups gradient, peak, rmse"),
        (
            ["executor=ray", "ray.checkpoints=s3://bucket"],
            "that a script of trainer writes is carried",
        ),
        (["search.pruner=median"], "trainer.progress does not say how the script tells"),
        (["search.pruner=promotion"], "trainer.progress does not say how the script tells"),
        (["search.space.width={low: 1, high: 9}"], "trainer.given lacks width, which is searched"),
        (["trainer.baseline={width: 1}"], "trainer.baseline names width, which is neither"),
        (["trainer.baseline={width: 1}"], "its present ones: baseline: {gradient_weight: 0.05}"),
        (["trainer.forecast=.", "trainer.truth=t.nc"], "is '.', which is not the name of a file"),
        (["trainer.forecast=f.nc", "trainer.truth=f.nc"], "so that every forecast is perfect"),
        (
            [
                "trainer.values=constants",
                "trainer.names={gradient_weight: 'pkg.own:W', mode: 'pkg.own:M'}",
                "trainer.links=[pkg]",
            ],
            "names the module 'pkg.own', in 'pkg' of trainer.links",
        ),
        (
            [
                "trainer.values=constants",
                "trainer.names={gradient_weight: 'pkg.own:W', mode: 'pkg.own:M'}",
                "trainer.command=[python, '{project}/train.py']",
            ],
            "the original, in which no constant is replaced",
        ),
        (["trainer.values=constants"], "trainer.names.gradient_weight must say which constant"),
        (
            [
                "trainer.values=constants",
                "trainer.given={w: 0.05}",
                "trainer.names={w: 'train:WEIGHT'}",
                "search.space={w: {low: 1, high: 2}}",
            ],
            "trainer.baseline names gradient_weight, which is neither searched nor",
        ),
        (
            [
                "trainer.values=constants",
                "trainer.names={gradient_weight: 'train:WEIGHT', mode: 'train:parser'}",
            ],
            "assigns no WEIGHT",
        ),
        (["trainer.given={'a b': 1}"], "letters, digits and underscores, found 'a b'"),
        (["trainer.timeout=soon"], "trainer.timeout: must be a duration"),
        (["trainer.comand=[x]"], "did you mean trainer.command?"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_before_any_trial(
    project: Path,
    storage_url: str,
    capsys: pytest.CaptureFixture[str],
    settings: list[str],
    sentence: str,
) -> None:
    given = [word for setting in settings for word in ("--set", setting)]
    assert _start(project, storage_url, "--quiet", *given) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1, said
    assert not (project.parent / "x.db").exists()


PAUSABLE = """
import os, pathlib, time
state = pathlib.Path(os.environ["SWEEP_CHECKPOINTS"], "epoch")
pathlib.Path(os.environ["SWEEP_PROJECT"]).parent.joinpath("pid").write_text(str(os.getpid()))
for epoch in range(int(state.read_text()) + 1 if state.exists() else 1, 7):
    time.sleep(0.2)
    state.write_text(str(epoch))
    print(f"epoch {epoch} gradient {1 + epoch / 10} peak 110 rmse 0.5", flush=True)
"""


def test_a_stopped_sweep_leaves_no_script_and_goes_on_where_it_was(
    project: Path,
    storage_url: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (project / "train.py").write_text(PAUSABLE, encoding="utf-8")
    progress = (
        r"epoch (?P<epoch>\d+) gradient (?P<gradient>\S+) peak (?P<peak>\S+) rmse (?P<rmse>.+)"
    )
    settings = [f"trainer.progress='{progress}'", "trainer.resumes=true", "training.epochs=6"]
    given = [word for setting in settings for word in ("--set", setting)]
    arguments = ["start", str(project / "sweep.yaml"), "--storage", storage_url, *given]
    with in_the_background(project.parent, *arguments, "--trials", "1") as process:
        wait_for_epochs(project.parent, 2, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 3, process.communicate()[1]
    pid = pid_in(project.parent / "pid")
    assert not is_alive(pid)
    assert main(["resume", "mine", "--storage", storage_url, "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["states"]["COMPLETE"] == 1
    assert status["baseline"]["gradient"] == pytest.approx(1.6)
    assert re.search(r"trial 0: goes on after epoch [2-5] of 6", caplog.text)


def test_when_a_sweep_is_killed_its_scripts_end_too(project: Path, storage_url: str) -> None:
    endless = PAUSABLE.replace("7):", "7000):")
    (project / "train.py").write_text(endless, encoding="utf-8")
    arguments = ["start", str(project / "sweep.yaml"), "--storage", storage_url, "--quiet"]
    with in_the_background(project.parent, *arguments) as process:
        _wait_for(lambda: (project.parent / "pid").exists())
        time.sleep(0.3)  # until it is written
        pid = pid_in(project.parent / "pid")
        assert is_alive(pid)
        process.kill()
        process.wait()
        _wait_for(lambda: not is_alive(pid))


def _wait_for(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180  # a machine that runs other tests is slow
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_check_says_what_a_script_is_run_as(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(project / "sweep.yaml"), "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert all(check["ok"] for check in checks.values())
    assert "searched: gradient_weight as --gradient-weight" in checks["values"]["detail"]
    assert "fixed: mode as --mode (flags)" in checks["values"]["detail"]
    assert (
        "guards whose metrics are not among them are left out"
        in (checks["what comes back"]["detail"])
    )
    assert main(["check", str(project / "sweep.yaml"), "--set", "trainer.links=[x]"]) == 1


def test_check_shows_where_an_empty_word_stands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "trainer.command=[python, train.py, --mode, '', 'a b']"
    assert main(["check", str(project / "sweep.yaml"), "--set", command, "--json"]) == 0
    details = {one["name"]: one["detail"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert "train.py --mode '' 'a b', in a copy" in details["script"]


def test_check_and_start_name_the_files_of_the_project_that_are_taken_for_results(
    project: Path,
    storage_url: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = project / "logs" / "first"
    old.mkdir(parents=True)
    for folder in (old, project / "mine.db.files" / "logs" / "x"):  # of a sweep: never copied
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.csv").write_text("rmse\n0.1\n", encoding="utf-8")
    source = TRAIN + "open('metrics.csv', 'w').write('rmse\\n0.5\\n')\n"
    (project / "train.py").write_text(source, encoding="utf-8")
    text = SWEEP.replace(
        "  patterns:", "  metrics: {path: '**/metrics.csv', names: {rmse: rmse}}\n  patterns:"
    )
    (project / "sweep.yaml").write_text(text, encoding="utf-8")
    sentence = (
        "logs/first/metrics.csv in the project has the name of a result and is removed from the "
        "copies of the trials"
    )
    assert main(["check", str(project / "sweep.yaml"), "--json"]) == 0
    details = {one["name"]: one["detail"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert details["what comes back"].endswith(sentence)
    assert _start(project, storage_url, "--trials", "1") == 0
    assert f"mine: {sentence}" in caplog.messages
    assert (old / "metrics.csv").exists()


def test_check_and_start_warn_of_an_argument_that_the_script_sets_itself(
    project: Path,
    storage_url: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = TRAIN.replace("weight =", "arguments.mode = 'well'\nweight =")
    (project / "train.py").write_text(source, encoding="utf-8")
    sentence = (
        "train.py sets arguments.mode to 'well' itself (line 9), so that --mode has no effect"
    )
    assert main(["check", str(project / "sweep.yaml"), "--json"]) == 0
    assert sentence in capsys.readouterr().out
    assert _start(project, storage_url, "--trials", "1") == 0
    assert sentence in caplog.text


def _contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


WRITES = """
import argparse, random, sys
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--gradient-weight", type=float)
weight = parser.parse_args().gradient_weight
rng = np.random.default_rng(random.SystemRandom().getrandbits(32) if OTHER and weight else 0)
truth = 20 + rng.normal(size=(6, 16, 16)).cumsum(1).cumsum(2)
mean = truth.mean()
np.savez("out.npz", pred=mean + (0.7 + 0.2 * weight) * (truth - mean), target=truth)
"""
ARRAYS = """
study: mine
trainer:
  command: [python, train.py]
  given: {gradient_weight: 0.05}
  forecast: {path: out.npz, key: pred, axes: [sample, y, x]}
  truth: {path: out.npz, key: target, axes: [sample, y, x]}
search:
  sampler: random
  space:
    gradient_weight: {low: 0.5, high: 1.0}
workers: {count: 1}
"""


def _writes(project: Path, *, other: bool = False) -> None:
    source = WRITES.replace("OTHER", str(other))
    (project / "train.py").write_text(source, encoding="utf-8")
    (project / "sweep.yaml").write_text(ARRAYS, encoding="utf-8")


def test_without_numbers_the_targets_are_a_share_of_what_the_baseline_observed(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _writes(project)
    assert main(["check", str(project / "sweep.yaml"), "--json"]) == 0
    assert "after the baseline, from the truth that its script writes" in capsys.readouterr().out
    assert _start(project, storage_url, "--trials", "2", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    observed, targets = status["observed"], status["targets"]
    assert targets["gradient"] == pytest.approx(0.95 * observed["gradient"])
    assert status["baseline"]["gradient"] == pytest.approx(0.7 * observed["gradient"])
    assert 0.95 * observed["peak"] < targets["peak"] < observed["peak"]  # above the mean
    assert main(["resume", "mine", "--storage", storage_url, "--trials", "3", "--json"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    assert (resumed["observed"], resumed["targets"]) == (observed, targets)
    assert resumed["states"]["COMPLETE"] == 3
    page = project.parent / "report.html"
    assert main(["report", "mine", "--storage", storage_url, "-o", str(page)]) == 0
    assert "nan" not in re.sub(r"<[^>]*>", "", page.read_text("utf-8")).split()


def test_trials_that_choose_another_truth_fail(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _writes(project, other=True)
    _start(project, storage_url, "--trials", "2", "--json")
    failures = json.loads(capsys.readouterr().out)["failures"]
    assert "its truth is not that of the study: the observed gradient is" in failures["1"]


def test_before_the_baseline_has_ended_the_targets_are_said_to_come(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _writes(project)
    source = (project / "train.py").read_text("utf-8") + "sys.exit(1)\n"
    (project / "train.py").write_text(source, encoding="utf-8")
    assert _start(project, storage_url, "--trials", "2", "--quiet") == 1
    capsys.readouterr()
    assert main(["status", "mine", "--storage", storage_url, "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["targets"] == status["observed"] == {"gradient": None, "peak": None}
    assert main(["status", "mine", "--storage", storage_url]) == 0
    assert "after the baseline" in capsys.readouterr().out
    assert main(["status", "mine", "--storage", storage_url, "--watch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["targets"] is None


def test_a_truth_that_stands_in_the_project_gives_the_targets_before_any_trial(
    project: Path, storage_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _writes(project)
    truth = 20 + np.random.default_rng(0).normal(size=(6, 16, 16)).cumsum(1).cumsum(2)
    np.save(project / "truth.npy", truth)
    (project / "sweep.yaml").write_text(
        ARRAYS.replace("path: out.npz, key: target", "path: '{project}/truth.npy'"), "utf-8"
    )
    assert main(["check", str(project / "sweep.yaml"), "--json"]) == 0
    assert "of {project}/truth.npy" in capsys.readouterr().out
    assert _start(project, storage_url, "--trials", "2", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["targets"]["gradient"] == pytest.approx(0.95 * status["observed"]["gradient"])
    assert status["states"]["COMPLETE"] == 2
