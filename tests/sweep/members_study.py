"""A study of ensembles that was really run."""

from dataclasses import dataclass
from pathlib import Path

from optuna.study import Study

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.engine.coordinator import Coordinator
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.monitoring.progress import SilentProgress
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import open_or_create_study, study_identity
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_record
from fieldsharp.sweep.trials.preview_builder import PreviewBuilder
from tests.conftest import InlineExecutor

MEMBERS = 4
SETTINGS = [
    "study=members",
    "data.score_every=1",
    "predictor.name=ensemble",
    "predictor.options={member: unet, members: 2}",
    "loss.base=crps",
    "sharpening.name=none",
    f"objective={{mode: members, members: {MEMBERS}, thresholds: [0.5, 0.9]}}",
    "search={presets: baseline, space: {learning_rate: {low: 1e-3, high: 1e-2, log: true}}}",
    "budget={trials: 2, stop_on_nothing_to_fix: false}",
]


@dataclass(frozen=True)
class MembersStudy:
    """A baseline and an ensemble, with their files; not to be changed.

    Attributes:
        url: Address of its database.
        study: As Optuna has it.
        facts: Of its data.
        files: Of its previews.
        baseline: Record of trial 0, a single forecast.
        ensemble: Record of trial 1.
    """

    url: str
    study: Study
    facts: DataSummary
    files: StudyWorkspace
    baseline: TrialRecord
    ensemble: TrialRecord


def run_members_study(url: str, config_file: Path, data: ForecastData) -> MembersStudy:
    """Train a baseline and an ensemble."""
    config = load_config(config_file, SETTINGS).config
    facts = run_preflight(config).facts
    study = open_or_create_study(open_database(url, "write"), config, facts)
    files = StudyWorkspace(url, study_identity(study))
    files.make()
    files.save_observed(PreviewBuilder(data, "validation").observed())
    Coordinator(
        StudyRepository(study, config, url, facts),
        InlineExecutor(data),
        facts,
        SilentProgress("members", facts.targets, facts.units),
        files,
    ).run()
    baseline, ensemble = (trial_record(trial) for trial in study.get_trials())
    assert baseline is not None
    assert ensemble is not None
    return MembersStudy(url, study, facts, files, baseline, ensemble)
