"""Forecasts that scripts write as arrays with named axes, beside `evaluate` on NetCDF files."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.study.trial_events import TrialDone, TrialFailed
from fieldsharp.sweep.trials.file_evaluation import evaluate_files
from tests.sweep.execution.script.scripts import Ran, run_script

SHAPE = (8, 3, 2, 12, 10)  # sample, lead, member, y, x
MAKE = """
import numpy as np
r = np.random.default_rng(0)
t = r.normal(size=(8, 3, 12, 10)).cumsum(axis=0) + 280
f = t[:, :, None] + 0.3 * r.normal(size=(8, 3, 2, 12, 10))
"""
AXES = ["sample", "lead", "member", "channel", "y", "x"]
TRUTH_AXES = ["sample", "lead", "y", "x"]


def _made() -> tuple[Any, Any]:
    names: dict[str, Any] = {}
    exec(MAKE, names)  # noqa: S102 - what the scripts of these tests run
    return names["f"], names["t"]


def _run(folder: Path, write: str, forecast: object, truth: object, **more: object) -> Ran:
    settings: dict[str, Any] = {"forecast": forecast, "truth": truth, "patterns": {}, **more}
    return run_script(folder, MAKE + write + "\n", **settings)


def _oracle(folder: Path) -> Any:
    """Return what `evaluate` finds of the same frames in NetCDF files with dates."""
    f, t = _made()
    start = np.datetime64("2020-01-01", "ns") + np.arange(8) * np.timedelta64(24, "h")
    lead = (np.arange(3) + 1) * np.timedelta64(6, "h").astype("timedelta64[ns]")
    xr.Dataset(
        {"q": (("forecast_reference_time", "step", "number", "y", "x"), f)},
        coords={"forecast_reference_time": start, "step": lead, "number": [0, 1]},
    ).to_netcdf(folder / "f.nc", engine="h5netcdf")
    valid = (start[:, None] + lead).reshape(-1)
    xr.Dataset(
        {"q": (("time", "y", "x"), t.reshape(-1, 12, 10))}, coords={"time": valid}
    ).to_netcdf(folder / "t.nc", engine="h5netcdf")
    return evaluate_files(folder / "f.nc", folder / "t.nc")


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".npy", "np.save('f.npy', f[:, :, :, None])\nnp.save('t.npy', t)"),
        (".npz", "np.savez('f.npz', q=f[:, :, :, None], other=t)\nnp.savez('t.npz', q=t)"),
        (
            ".pt",
            "import torch\ntorch.save({'q': torch.tensor(f)[:, :, :, None]}, 'f.pt')\n"
            "torch.save({'q': torch.tensor(t), 'epoch': 3}, 't.pt')",
        ),
        (
            ".h5",
            "import h5py\nfor n, v in (('f', f[:, :, :, None]), ('t', t)):\n"
            "    with h5py.File(n + '.h5', 'w') as h: h['q'] = v",
        ),
        (
            ".nc",
            "import xarray as xr\n"
            "xr.Dataset({'q': (tuple('abcdyx'), f[:, :, :, None])}).to_netcdf('f.nc', "
            "engine='h5netcdf')\n"
            "xr.Dataset({'q': (tuple('abyx'), t)}).to_netcdf('t.nc', engine='h5netcdf')",
        ),
        (
            ".zarr",
            "import xarray as xr\nxr.Dataset({'q': (tuple('abcdyx'), f[:, :, :, None])}).to_zarr("
            "'f.zarr', consolidated=False)\n"
            "xr.Dataset({'q': (tuple('abyx'), t)}).to_zarr('t.zarr', consolidated=False)",
        ),
    ],
)
def test_arrays_of_every_file_type_are_judged_as_evaluate_does(
    tmp_path: Path, suffix: str, write: str
) -> None:
    key = {} if suffix == ".npy" else {"key": "q"}
    ran = _run(
        tmp_path,
        write,
        {"path": f"f{suffix}", "axes": AXES, "select": {"channel": 0}, **key},
        {"path": f"t{suffix}", "axes": TRUTH_AXES, **key},
    )
    assert isinstance(ran.end, TrialDone), ran.reason
    found, expected = ran.reports[0].judgement, _oracle(tmp_path)
    for name in ("rmse", "gradient", "peak", "gradient_observed", "correlation", "power_small"):
        assert found.overall[name] == pytest.approx(expected.metrics[name], rel=1e-6), name
        by_lead = [part.metrics[name] for part in expected.by_lead]
        assert found.by_lead[name] == pytest.approx(by_lead, rel=1e-6), name
    f, t = _made()
    assert found.overall["rmse"] == pytest.approx(
        np.sqrt(((f - t[:, :, None]) ** 2).mean((3, 4)).mean())
    )


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("is_group", [True, False])
def test_arrays_of_zarr_without_names_of_dimensions_are_read_too(
    tmp_path: Path, zarr_format: int, is_group: bool
) -> None:
    save = f"zarr.save_array('%s.zarr', %s, zarr_format={zarr_format})"
    if is_group:
        save = f"zarr.save_group('%s.zarr', q=%s, other=t[0], zarr_format={zarr_format})"
    write = "import zarr\n" + save % ("f", "f[:, :, :, None]") + "\n" + save % ("t", "t")
    key = {"key": "q"} if is_group else {}
    forecast = {"path": "f.zarr", "axes": AXES, **key}
    ran = _run(tmp_path, write, forecast, {"path": "t.zarr", "axes": TRUTH_AXES, **key})
    assert isinstance(ran.end, TrialDone), ran.reason
    f, t = _made()
    assert ran.reports[0].judgement.overall["rmse"] == pytest.approx(
        np.sqrt(((f - t[:, :, None]) ** 2).mean((3, 4)).mean())
    )
    ran = _run(tmp_path / "other", write, "f.zarr", "t.zarr")
    assert "names of dimensions; write it" in ran.reason or "is one array" in ran.reason


def test_forecast_and_truth_are_two_channels_or_keys_of_one_file(tmp_path: Path) -> None:
    one = {"path": "out/*/b.npz", "axes": ["sample", "y", "x"]}
    write = "import os\nos.makedirs('out/7')\nnp.savez('out/7/b.npz', p=f[:, 0, 0], q=t[:, 0])"
    ran = _run(tmp_path / "a", write, {**one, "key": "p"}, {**one, "key": "q"})
    assert isinstance(ran.end, TrialDone), ran.reason
    f, t = _made()
    expected = np.sqrt(((f[:, 0, 0] - t[:, 0]) ** 2).mean())
    assert ran.reports[0].metrics["rmse"] == pytest.approx(expected)
    both = {"path": "b.npy", "axes": ["channel", "sample", "y", "x"]}
    ran = _run(
        tmp_path / "b",
        "np.save('b.npy', np.stack([f[:, 0, 0], t[:, 0]]))",
        {**both, "select": {"channel": 0}},
        {**both, "select": {"channel": 1}},
    )
    assert isinstance(ran.end, TrialDone), ran.reason
    assert ran.reports[0].metrics["rmse"] == pytest.approx(expected)


PROGRESS = r"(?P<epoch>\d+): (?P<gradient>\S+) (?P<peak>\S+) (?P<rmse>\S+)"


def test_a_script_that_reports_other_numbers_than_its_forecast_has_is_told_of_once(
    tmp_path: Path,
) -> None:
    write = """
np.savez('b.npz', p=f[:, 0, 0], q=t[:, 0])
p, rmse = f[:, 0, 0], ((f[:, 0, 0] - t[:, 0]) ** 2).mean() ** 0.5
print(f"1: {FACTOR * np.hypot(*np.gradient(p, axis=(1, 2))).mean()} {p.max()} {rmse}")
"""
    axes = {"path": "b.npz", "axes": ["sample", "y", "x"]}
    both = {**axes, "key": "p"}, {**axes, "key": "q"}
    more: dict[str, Any] = {"progress": PROGRESS, "preset": BASELINE}
    ran = _run(tmp_path / "a", write.replace("FACTOR", "9"), *both, **more)
    assert isinstance(ran.end, TrialDone), ran.reason
    (trouble,) = ran.troubles
    gradient = ran.reports[-1].metrics["gradient"]
    assert re.search(
        rf"reports gradient \S+ where its result has {gradient:.4g}(:|, peak)", trouble
    )
    assert "rmse" not in trouble
    more["preset"] = None
    assert not _run(tmp_path / "b", write.replace("FACTOR", "9"), *both, **more).troubles


@pytest.mark.parametrize(
    ("write", "axes", "select", "reason"),
    [
        ("f[:, 0]", ["sample", "y", "x"], {}, "names 3 axes .* has 4, of the lengths 8, 2, 12, 10"),
        ("f[:, 0]", ["sample", "channel", "y", "x"], {}, "has 2 channels, and one variable is"),
        ("f[:, 0]", ["sample", "channel", "y", "x"], {"channel": 2}, "there are 2, from 0 to 1"),
        ("f[:7, 0, 0]", ["sample", "y", "x"], {}, "has 7 along sample and t.npy 8"),
        ("f[:, 0, 0]", ["sample", "x", "y"], {}, "y and x are exchanged in one of them"),
        ("f[:, 0, 0] + 1j", ["sample", "y", "x"], {}, "holds complex128, not real numbers"),
        (
            "np.where(np.arange(10) < 2, np.nan, f[:, 0, 0])",
            ["sample", "y", "x"],
            {},
            "f.npy has no value where the truth has one, 192 times",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, write: str, axes: list[str], select: dict[str, int], reason: str
) -> None:
    ran = _run(
        tmp_path,
        f"np.save('f.npy', {write})\nnp.save('t.npy', t[:, 0])",
        {"path": "f.npy", "axes": axes, "select": select},
        {"path": "t.npy", "axes": ["sample", "y", "x"]},
    )
    assert isinstance(ran.end, TrialFailed)
    assert re.search(reason, ran.reason), ran.reason


@pytest.mark.parametrize(
    ("axes", "exchanged"),
    [(["sample", "lead", "x", "y"], "y and x"), (["lead", "sample", "y", "x"], "sample and lead")],
)
def test_axes_of_one_length_that_are_exchanged_are_refused(
    tmp_path: Path, axes: list[str], exchanged: str
) -> None:
    ran = _run(
        tmp_path,
        "t = t[:3, :, :10]\nf = t + 0.3 * r.normal(size=t.shape)\nnp.save('f.npy', f)\n"
        "np.save('t.npy', t)",
        {"path": "f.npy", "axes": axes},
        {"path": "t.npy", "axes": TRUTH_AXES},
    )
    assert f"fits the truth far better with {exchanged} exchanged" in ran.reason


def test_dimensions_that_a_file_names_contradict_axes_in_another_order(tmp_path: Path) -> None:
    ran = _run(
        tmp_path,
        "import xarray as xr\nxr.Dataset({'q': (('time', 'lat', 'lon'), f[:, 0, 0, :10])})."
        "to_netcdf('f.nc', engine='h5netcdf')\nnp.save('t.npy', t[:, 0, :10])",
        {"path": "f.nc", "axes": ["sample", "x", "y"]},
        {"path": "t.npy", "axes": ["sample", "y", "x"]},
    )
    assert "says that x is where f.nc has the dimension 'lat', which is y" in ran.reason


def test_code_in_a_torch_file_is_never_run(tmp_path: Path) -> None:
    ran = _run(
        tmp_path,
        "import torch, os\nclass Bad:\n    def __reduce__(self): return os.system, ('touch x',)\n"
        "torch.save({'q': Bad()}, 'f.pt')\nnp.save('t.npy', t[:, 0])",
        {"path": "f.pt", "axes": ["sample", "y", "x"]},
        {"path": "t.npy", "axes": ["sample", "y", "x"]},
    )
    assert "f.pt cannot be read as tensors" in ran.reason
    assert not list(tmp_path.rglob("x"))


def test_what_an_earlier_run_left_in_the_project_never_fits_a_pattern(tmp_path: Path) -> None:
    old = tmp_path / "project" / "out" / "old"
    old.mkdir(parents=True)
    np.save(old / "f.npy", np.zeros((8, 12, 10)))
    arrays = {"axes": ["sample", "y", "x"]}
    ran = _run(
        tmp_path,
        "np.save('g.npy', f[:, 0, 0])\nnp.save('t.npy', t[:, 0])",
        {"path": "out/**/f.npy", **arrays},
        {"path": "t.npy", **arrays},
    )
    assert "there is no file that fits out/**/f.npy; it wrote " in ran.reason
    assert "g.npy" in ran.reason
    assert (old / "f.npy").exists()
