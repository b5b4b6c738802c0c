"""Nets of one epoch on the fields of the studies of sharpeners, and a finished sweep."""

import shutil
from pathlib import Path

import pytest
import torch

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.sharpeners.interface import Region
from fieldsharp.sweep.command_line import main as command
from research import forecast_fields, sharpened_winners, sharpener_fields
from research.forecast_fields import without_block
from research.sharpener_fields import read_lines
from research.sharpener_variants import VARIANTS


def _small(monkeypatch: pytest.MonkeyPatch, plume_file: Path) -> None:
    settings = (f"data.path={plume_file}", "training.epochs=1", "predictor.width=4")
    monkeypatch.setitem(forecast_fields.WINDOWS, "plumes", ("plumes", "", settings))


@pytest.mark.outside
def test_each_way_of_fitting_is_judged_and_a_second_run_trains_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plume_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _small(monkeypatch, plume_file)
    out = tmp_path / "found.jsonl"
    asked = [str(tmp_path), "--out", str(out), "--fields", "plumes", "rain", "--nets", "baseline"]
    sharpener_fields.main(asked)
    printed = capsys.readouterr().out
    assert "rain is skipped: there is no" in printed
    (line,) = read_lines(out)
    assert {one.way for one in line.forecasts} == {"", *sharpener_fields.WAYS}
    whole = next(one for one in line.forecasts if (one.way, one.sharpener) == ("", "none"))
    assert whole.rmse == 1.0
    names = {one.sharpener for one in line.forecasts if one.split == "test"}
    assert names >= {"none", "spectral", *VARIANTS}
    assert "| auto, fitted on | plumes | mean |" in printed

    def trained(*_: object) -> None:
        raise AssertionError("nothing is left to train")

    monkeypatch.setattr(sharpener_fields.Field, "measure", trained)
    sharpener_fields.main(asked)
    assert len(read_lines(out)) == 1


def test_the_held_out_windows_share_no_frame_with_those_trained_on(tiny_data: ForecastData) -> None:
    short, held_out = without_block(tiny_data)
    settings = tiny_data.train.settings
    span = (settings.history + settings.horizon - 1) * settings.stride + 1
    assert 4 <= len(held_out) < len(tiny_data.train) / 3
    assert int(short.train.starts_B[-1]) + span <= int(held_out.starts_B[0])
    assert torch.equal(short.validation.starts_B, tiny_data.validation.starts_B)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_leaves_a_forecast_that_is_the_truth_as_it_is(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    truth = 5.0 + torch.randn(8, 2, 1, 12, 10, generator=generator, dtype=torch.float64)
    mask_HW = torch.ones(12, 10, dtype=torch.bool)
    variant = VARIANTS[name](Region(mask_HW, torch.full((1, 12, 10), 5.0, dtype=torch.float64)))
    parameters = variant.fit(truth, truth)
    torch.testing.assert_close(variant.apply(truth, parameters), truth)


@pytest.mark.outside
def test_what_a_sweep_chose_is_trained_with_new_seeds(
    tmp_path: Path, tiny_yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sweep"
    shutil.copytree(tiny_yaml.parent, folder)
    url = f"sqlite:///{tmp_path / 'sweeps.db'}"
    assert command(["start", str(folder / "tiny.yaml"), "--storage", url, "--trials", "2"]) == 0
    out = tmp_path / "winners.jsonl"
    asked = [url, "--seeds", "1", "--out", str(out), "--metrics"]
    sharpened_winners.main(asked)
    first = out.read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert "| baseline |" in printed
    assert "| baseline, last step chosen for each seed |" in printed
    sharpened_winners.main(asked)
    assert out.read_text(encoding="utf-8") == first
    lines = sharpened_winners.read_lines(out)
    assert lines[0].seed == 1001
    assert lines[0].forecasts[0].rmse == 1.0
    assert "fss_90 0.1" in {one.row for one in lines[0].chosen}
