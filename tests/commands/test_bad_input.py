"""Everything a person can get wrong: exit code 2, one sentence with the fix, nothing left behind.

Each goes through the command line as it is typed, in this process.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.sweep.command_line import main

DAY = np.datetime64("2020-01-01", "ns")


def _waves(frames: int = 80) -> xr.Dataset:
    """A field that a sweep could be run on."""
    values = 100 + np.random.default_rng(0).standard_normal((frames, 12, 12)).cumsum(axis=0)
    time = DAY + np.arange(frames) * np.timedelta64(1, "h")
    return xr.Dataset({"wave": (("time", "y", "x"), values)}, coords={"time": time})


def _without_time() -> xr.Dataset:
    dataset = _waves().drop_vars("time")
    return dataset.rename({"time": "member"})


def _missing_everywhere() -> xr.Dataset:
    return _waves() * np.nan


def _constant() -> xr.Dataset:
    return _waves() * 0 + 3.0


def _infinite() -> xr.Dataset:
    dataset = _waves()
    dataset["wave"][7, 3, 3] = np.inf
    return dataset


def _still_at_the_end() -> xr.Dataset:
    dataset = _waves()
    dataset["wave"][40:] = dataset["wave"][40]
    return dataset


def _single_column() -> xr.Dataset:
    return _waves().isel(x=slice(0, 1))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good configuration on good data, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)
    _waves().to_netcdf(tmp_path / "waves.nc", engine="h5netcdf")
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "data: {path: waves.nc, history: 2, horizon: 2}\n"
        "predictor: {width: 4}\ntraining: {device: cpu}\n"
    )
    return path


def _refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(Path.cwd().iterdir())
    code = main(arguments)
    said = capsys.readouterr()
    assert code == 2, said.err
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert sorted(Path.cwd().iterdir()) == before, "a refused command leaves nothing behind"
    return lines[0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_without_time, "has no time dimension: its dimensions are member=80, y=12, x=12; name"),
        (lambda: _waves(20), "has 20 frames, too few for one window of 4 frames in each of"),
        (
            _missing_everywhere,
            "all cells of variable 'wave' are missing in every frame; check the variable and",
        ),
        (_constant, "'wave' is constant (3) in the training frames; choose a period in which"),
        (_infinite, "the first in frame 7; replace them by NaN to mark them missing"),
        (_still_at_the_end, "does not change in the validation frames"),
        (_single_column, "only 0 cells of "),
    ],
    ids=["no time", "few frames", "missing", "constant", "infinite", "still", "narrow"],
)
def test_data_that_cannot_be_used(
    config: Path, capsys: pytest.CaptureFixture[str], make: Callable[[], xr.Dataset], said: str
) -> None:
    make().to_netcdf("bad.nc", engine="h5netcdf")
    assert said in _refusal(["start", str(config), "--set", "data.path=bad.nc"], capsys)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.path=nowhere.nc", "nowhere.nc does not exist; check the path (data.path)"),
        ("data.path=sweep.yaml", "unknown data format '.yaml'"),
        ("data.variable=wav", "unknown variable 'wav': did you mean 'wave'? choose one of wave"),
        ("data.select.level=3", "names the dimension 'level', which variable 'wave' does not have"),
        ("training.epoch=3", "unknown setting training.epoch: did you mean training.epochs?"),
        ("loss.variant=sobol", "unknown loss variant 'sobol': did you mean 'sobel'?"),
        ("predictor.name=unett", "unknown predictor 'unett': did you mean 'unet'?"),
        ("predictor.name=my.nets:Net", "'my.nets', and plugins lists no module; if you trust its"),
        ("plugins=mine", "plugins: must be a list of modules such as [my_project], found 'mine'"),
        ("predictor.options.dpth=2", "unknown option 'dpth': did you mean 'depth'?"),
        ("predictor.options.depth=9", "depth must be between 1 and 6, found 9"),
        ("search.sampler=tpee", "search.sampler is 'tpee': did you mean 'tpe'?"),
        ("training.warmup_fraction=1.5", "training.warmup_fraction must be less than 1, found 1.5"),
        ("budget.trials=0", "budget.trials must be greater than or equal to 1, found 0"),
        ("objective.targets.gradient=1e6", "beyond the ceiling"),
        ("objective.targets.peak=0.001", "objective.targets.peak is 0.001, not above "),
        ("nonsense", "is not of the form key.path=value"),
    ],
)
def test_a_setting_that_cannot_be_used(
    config: Path, capsys: pytest.CaptureFixture[str], override: str, said: str
) -> None:
    assert said in _refusal(["start", str(config), "--set", override], capsys)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no.module:Net", "the module 'no.module', which cannot be imported"),
        ("json:JSONDecoder", "it must be a subclass of torch.nn.Module"),
    ],
)
def test_a_plug_in_that_cannot_be_used(
    config: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    settings = ["--set", f"plugins=[{name.partition(':')[0]}]", "--set", f"predictor.name={name}"]
    assert said in _refusal(["start", str(config), *settings], capsys)


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        (
            "sqlite:///missing/x.db",
            "storage missing/x.db cannot be made (No such file or directory",
        ),
        ("sqlite:///waves.nc/x.db", "cannot be made (Not a directory); choose a folder that"),
        ("sqlite:///.", "storage . is a folder; name a file in it"),
        ("x.db", "is no database address; for a file write sqlite:///x.db"),
        ("sqlite://x.db", "write sqlite:///x.db"),
        ("sqlite:///:memory:", "in memory, which no other command could read; name a file"),
        ("postgresql://ann:secret@h/db", "--storage postgresql://ann:***@h/db carries a password"),
    ],
)
def test_a_storage_that_cannot_be_used(
    config: Path, capsys: pytest.CaptureFixture[str], storage: str, said: str
) -> None:
    assert said in _refusal(["start", str(config), "--storage", storage], capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start", "nowhere.yaml"], "configuration nowhere.yaml does not exist; give a YAML file"),
        (["start", "waves.nc"], "configuration waves.nc is not valid YAML"),
        (["start", "sweep.yaml", "--trials", "0"], "budget.trials must be greater than or equal"),
        (
            ["start", "sweep.yaml", "--trials", "many"],
            "Invalid value for '--trials': Input should be a valid integer",
        ),
        (["start", "sweep.yaml", "--workers", "-1"], "workers.count must be greater than or equal"),
        (["start", "sweep.yaml", "--timeout", "soon"], "must be a duration such as 90s, 30m, 2h"),
        (["start", "sweep.yaml", "--study", ""], "study must have at least 1 character"),
        (["start", "sweep.yaml", "--trails", "3"], "No such option: --trails"),
        (["strat"], "No such command 'strat'"),
        (["status"], "there is no database at sweeps.db; start a sweep first, or name another"),
        (["export", "s"], "there is no database at sweeps.db"),
        (["dashboard", "--no-open"], "there is no database at sweeps.db"),
        (["dashboard", "--host", "0.0.0.0"], "--host 0.0.0.0 is not a loopback address"),  # noqa: S104
        (["export"], "Missing argument 'study'"),
        (["train", "sweep.yaml", "-o", "waves.nc/run"], "cannot write into waves.nc/run"),
        (["train", "sweep.yaml"], "Missing option '-o'"),
        (["predict", "run", "-o", "f.nc"], "give either --steps or --days"),
        (["predict", "run", "--steps", "3", "-o", "f.txt"], "must end in .nc"),
        (
            ["predict", "run", "--steps", "0", "-o", "f.nc"],
            "'--steps': Input should be greater than or equal to 1",
        ),
        (["predict", "run", "--steps", "3", "-o", "f.nc"], "run is no finished run: config.yaml"),
        (["evaluate", "f.nc", "waves.nc"], "data file f.nc does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_be_run(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert said in _refusal(arguments, capsys)


def test_a_password_in_the_environment_is_not_refused_but_never_shown(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_STORAGE", "nosuchdb://ann:secret@h/db")
    assert main(["status"]) != 0
    said = capsys.readouterr().err
    assert "secret" not in said
    assert "ann:***@h/db" in said
    assert len(said.splitlines()) == 1


def test_a_study_that_does_not_exist_is_refused_with_the_nearest(
    finished_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, config: Path
) -> None:
    for command in ("status", "export"):
        said = _refusal([command, "tinny", "--storage", finished_url], capsys)
        assert "there is no study 'tinny': did you mean 'tiny'?" in said


def test_a_study_with_another_configuration_is_refused_with_the_difference(
    finished_url: str, tiny_yaml: Path, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    arguments = ["start", str(tiny_yaml), "--storage", finished_url]
    said = _refusal([*arguments, "--set", "training.epochs=3"], capsys)
    assert "exists with a different configuration: training.epochs is 2 there and 3 here" in said
    said = _refusal([*arguments, "--set", "data.stride=2", "--trials", "99"], capsys)
    assert "data.stride is 1 there and 2 here; choose another name with --study" in said


def test_a_trial_that_does_not_exist_is_refused(
    finished_url: str, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    said = _refusal(["export", "tiny", "--trial", "8", "--storage", finished_url], capsys)
    assert "study 'tiny' has no trial 8: it has 8 trials, numbered from 0" in said


def test_a_file_that_is_no_database_is_refused_in_one_sentence(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.db").write_bytes(b"no database\n" * 1000)
    for arguments in (["start", str(config)], ["status"]):
        assert main([*arguments, "--storage", "sqlite:///x.db"]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: storage sqlite:///x.db is a file but no database; name")
        assert len(said.splitlines()) == 1
    assert Path("x.db").read_bytes() == b"no database\n" * 1000


def test_debug_shows_where_it_happened(
    config: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        assert main(["--debug", "start", "nowhere.yaml"]) == 2
    assert "Traceback" in caplog.text
