"""A sweep on files of a pattern: check, start, export, train, predict."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from fieldsharp.sweep.command_line import main
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.report.collect import collect_report

STORAGE = "sqlite:///x.db"
ONE_TERM = ("--set", "search.space={loss_variant: {choices: [sobel]}}")
WEIGHED = ("--set", "loss.gradient_weight=0.1")


@pytest.fixture
def months(plume_file: Path, tmp_path: Path) -> Path:
    """The file of the tests in three, out of order by name, packed each in its own way."""
    folder = tmp_path / "months"
    folder.mkdir()
    with xr.open_dataset(plume_file, engine="h5netcdf") as opened:
        whole = opened.load()
    for name, first, last in (("c", 0, 50), ("a", 48, 101), ("b", 101, 150)):
        part = whole.isel(time=slice(first, last)).drop_encoding()
        epoch = {"units": f"hours since 20{10 + first % 7}-01-01"}
        part.to_netcdf(folder / f"{name}.nc", engine="h5netcdf", encoding={"time": epoch})
    return folder


def test_from_check_to_predict(
    tiny_yaml: Path,
    months: Path,
    plume_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["--set", "data.path=[months/c.nc, 'months/[ab].nc']"]

    assert main(["check", str(tiny_yaml), *given, *ONE_TERM, *WEIGHED]) == 0
    start = ["start", str(tiny_yaml), "--study", "m", "--storage", STORAGE, *given]
    assert main([*start, "--trials", "2", "--workers", "1"]) == 0
    report = collect_report("m", STORAGE)  # not drawn here, which takes longer than the sweep
    assert report.data_file == "c.nc and 1 more"
    assert report.validation.results
    capsys.readouterr()
    assert main(["status", "m", "--storage", STORAGE, "--json"]) == 0
    best = json.loads(capsys.readouterr().out)["best"]

    assert main(["export", "m", "--storage", STORAGE, "-o", "best.yaml"]) == 0
    assert main(["export", "m", "--storage", STORAGE, "-o", "best.json"]) == 0
    for name in ("best.yaml", "best.json"):
        path = load_config(Path(name)).config.data.path
        assert path == (f"{months}/c.nc", f"{months}/[ab].nc")
    assert main(["train", "best.yaml", "-o", "run"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics == pytest.approx(best["metrics"], rel=1e-5)
    assert main(["train", "best.yaml", "-o", "alone", "--set", f"data.path={plume_file}"]) == 0
    assert json.loads(Path("alone/metrics.json").read_text()) == metrics

    assert main(["predict", "run", "--steps", "2", "-o", "f.nc"]) == 0
    pattern = ["--data", f"{months}/[ab].nc"]
    assert main(["predict", "run", "--steps", "2", "-o", "other.nc", *pattern]) == 0
    with (
        xr.open_dataset("f.nc", engine="h5netcdf") as found,
        xr.open_dataset("other.nc", engine="h5netcdf") as of_two,
        xr.open_dataset(plume_file, engine="h5netcdf") as truth,
    ):
        assert found["time"].values[0] == truth["time"].values[-1] + np.timedelta64(1, "h")
        np.testing.assert_array_equal(found["plume"].values, of_two["plume"].values)

    (months / "b.nc").unlink()
    capsys.readouterr()
    assert main(["resume", "m", "--storage", STORAGE, "--trials", "3"]) == 2
    assert "other contents" in capsys.readouterr().err


def test_a_list_in_a_file_is_relative_to_the_file(
    tiny_yaml: Path, months: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sweep.yaml").write_text(
        tiny_yaml.read_text().replace("path: plumes.nc", "path: [months/b.nc, 'months/[ac].nc']")
    )
    monkeypatch.chdir("/")

    config = load_config(tmp_path / "sweep.yaml").config

    assert config.data.path == (f"{months}/b.nc", f"{months}/[ac].nc")
    overridden = load_config(tmp_path / "sweep.yaml", ["data.path=[a.nc,b/c.nc]"]).config
    assert overridden.data.path == ("/a.nc", "/b/c.nc")
    assert load_config(tmp_path / "sweep.yaml", ["data.path=*.nc"]).config.data.path == "/*.nc"


@pytest.mark.parametrize("option", ["forecast", "truth"])
def test_evaluate_takes_single_files(
    months: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    files = [str(months / "a.nc"), str(months / "a.nc")]
    files[option == "truth"] = str(months / "*.nc")

    assert main(["evaluate", *files]) == 2
    assert "one file is read, no pattern of names; join the files with" in capsys.readouterr().err
