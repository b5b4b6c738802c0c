"""The data of one trial's pictures, put together from its study."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from fieldsharp.sweep.pictures.sharpness_source import sharpness_source
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.trial_records import complete_baseline, trial_record


def picture_source(
    trial: FrozenTrial,
    trials: Sequence[FrozenTrial],
    summary: DataSummary,
    files: StudyWorkspace,
    variable: int = 0,
) -> PictureSource | None:
    """Return the data that pictures of a trial are drawn from, None where any are missing.

    Args:
        trial: One of the ``trials`` of its study.
        trials: All of them.
        summary: Of the data of the study.
        files: Of the study.
        variable: Which of the predicted variables they are of, from 0.

    Raises:
        StudyError: If another version of this program wrote them.
    """
    observed, preview = files.observed(), files.preview(trial.number)
    record = trial_record(trial)
    if record is None or observed is None or preview is None:
        return None
    if variable > len(summary.others) or variable > len(observed.others):
        return None
    baseline = complete_baseline(trials)
    name = summary.variables[variable]
    own, is_other = summary.of(name), baseline is not None and baseline.number != trial.number
    beside = files.preview(baseline.number) if baseline is not None and is_other else None
    of_baseline = trial_record(baseline) if baseline is not None and record.members else None
    return PictureSource(
        number=trial.number,
        feasible=record.feasible,
        observed=observed.of(variable),
        preview=preview.of(variable, name),
        baseline=beside and beside.of(variable, name),
        by_lead=record.of(name).judgement.by_lead,
        targets=own.targets,
        sharpness=sharpness_source(trials, own.targets.gradient, name),
        members=record.of(name).members.get(record.sharpener),
        member_references=of_baseline.of(name).members if of_baseline is not None else {},
    )
