"""What export writes where the verdict is to sharpen the baseline, and what training it gives."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.command_line import app
from fieldsharp.sweep.configuration.safe_yaml import parse_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.results.export import choose_trial, export_tree, render, standing
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.status.report import study_status
from tests.sweep.report.studies import make_study, trials_of


@pytest.fixture
def sharpened_url(
    finished_url: str, storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> str:
    """A study in which a reference is in both bands, and no trial is."""
    trials = trials_of(finished_url)[:3]
    record = trials[0].user_attrs["record"]
    reference = next(one for one in record["references"] if one["name"] == "unsharp")
    reference["guards"] = [
        {**guard, "ok": True, "violation": -1.0} for guard in reference["guards"]
    ]
    record["references"] = [reference]
    metrics = reference["judgement"]["overall"]
    bands = {
        name: BandSummary(low=0.999 * metrics[name], high=1.001 * metrics[name], offset=0.0)
        for name in ("gradient", "peak")
    }
    # Its two epochs are too few to be ahead of these.
    without = {"rmse_persistence": None, "linear": None}
    make_study(storage_url, tiny_config, tiny_facts.model_copy(update=bands | without), trials)
    return storage_url


def test_the_baseline_is_exported_with_its_reference(sharpened_url: str) -> None:
    study = load_study(open_database(sharpened_url, "read"), "tiny")
    verdict = study_status(study, sharpened_url).verdict
    assert (verdict.name, verdict.trial, verdict.sharpening) == ("sharpen", 0, "unsharp")

    chosen = choose_trial(study, None, sharpened_url)
    tree = export_tree(study, chosen, as_advised=True)
    as_it_is = export_tree(study, chosen)

    assert chosen.number == 0
    assert tree["sharpening"] == {"name": "unsharp"}
    assert as_it_is["sharpening"] == {"name": "none"}
    assert tree["metrics"]["gradient"] > as_it_is["metrics"]["gradient"]
    assert "the baseline under unsharp as the verdict advises" in standing(tree["exported"])
    assert "advises" not in standing(as_it_is["exported"])
    about = tree["exported"]["sharpening"]
    assert about["without"]["gradient"] == as_it_is["metrics"]["gradient"]
    assert parse_yaml(render(tree, "yaml"), "the export")["sharpening"] == {"name": "unsharp"}


def test_the_export_trains_to_the_sharpened_baseline(sharpened_url: str, tmp_path: Path) -> None:
    runner = CliRunner()
    export = tmp_path / "best.yaml"
    done = runner.invoke(app, ["export", "tiny", "--storage", sharpened_url, "-o", str(export)])
    assert done.exit_code == 0, done.output
    trained = runner.invoke(app, ["train", str(export), "-o", str(tmp_path / "run")])
    assert trained.exit_code == 0, trained.output
    assert "sharpened by unsharp" in trained.output
    assert "largest relative difference from the exported metrics: 0.0e+00" in trained.output


def test_the_baseline_by_its_number_is_exported_as_it_is(
    sharpened_url: str, tmp_path: Path
) -> None:
    export = tmp_path / "plain.yaml"
    done = CliRunner().invoke(
        app, ["export", "tiny", "--trial", "0", "--storage", sharpened_url, "-o", str(export)]
    )
    assert done.exit_code == 0, done.output
    assert parse_yaml(export.read_text(), "the export")["sharpening"] == {"name": "none"}
