"""Reads what pictures of a trial are drawn from: its study, and files beside the database."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from fieldsharp.sweep.pictures.sharpness_source import sharpness_source
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.trial_records import complete_baseline, trial_record


def stored_source(
    trial: FrozenTrial,
    trials: Sequence[FrozenTrial],
    summary: DataSummary,
    files: StudyWorkspace,
    variable: int = 0,
) -> PictureSource | None:
    """Return the data that pictures of a trial are drawn from, None where any are missing.

    Args:
        trial: Of the study.
        trials: All of its trials.
        summary: Of its data.
        files: Beside its database.
        variable: Of several predicted ones, the number of that which is shown.

    Raises:
        StudyError: If a preview is of another version.
        ConfigError: If a file may not be read.
    """
    record = trial_record(trial)
    observed, preview = files.observed(), files.preview(trial.number)
    if record is None or observed is None or preview is None:
        return None
    if variable > len(summary.others) or variable > len(observed.others):
        return None
    baseline = complete_baseline(trials)
    name = summary.variables[variable]
    own, is_other = summary.of(name), baseline is not None and baseline.number != trial.number
    beside = files.preview(baseline.number) if baseline is not None and is_other else None
    return PictureSource(
        number=trial.number,
        feasible=record.feasible,
        observed=observed.of(variable),
        preview=preview.of(variable, name),
        baseline=beside and beside.of(variable, name),
        by_lead=record.of(name).judgement.by_lead,
        targets=own.targets,
        sharpness=sharpness_source(trials, own.targets.gradient, name),
    )
