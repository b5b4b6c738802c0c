"""A forecast in Python is the file that the command writes."""

from pathlib import Path

import pytest
import torch
import xarray as xr

import fieldsharp
from fieldsharp.sweep.command_line import main


def test_a_forecast_is_what_the_command_writes(run_folder: Path, tmp_path: Path) -> None:
    assert main(["predict", str(run_folder), "--steps", "5", "-o", f"{tmp_path}/f.nc"]) == 0
    threads = torch.get_num_threads()

    found = fieldsharp.load(run_folder).predict(5)

    with xr.open_dataset(tmp_path / "f.nc", engine="h5netcdf") as written:
        xr.testing.assert_identical(found, written)
    assert torch.get_num_threads() == threads


def test_other_data_may_be_in_memory(run_folder: Path, plume_file: Path) -> None:
    run = fieldsharp.load(run_folder)
    with xr.open_dataset(plume_file, engine="h5netcdf") as dataset:
        shorter = dataset.isel(time=slice(0, 100)).load()
    last = shorter["time"].values[-1]

    xr.testing.assert_identical(run.predict(2, shorter), run.predict(2, plume_file, after=last))
    assert "gradient" in repr(run)
    assert "sharpener" in run._repr_html_()


def test_a_wrong_length_or_folder_is_an_error_of_the_project(run_folder: Path) -> None:
    run = fieldsharp.load(run_folder)
    with pytest.raises(fieldsharp.FieldsharpError, match="either steps or days"):
        run.predict()
    with pytest.raises(fieldsharp.FieldsharpError, match="found steps=0"):
        run.predict(0)
    with pytest.raises(fieldsharp.FieldsharpError, match="is no finished run"):
        fieldsharp.load(run_folder / "nothing")
