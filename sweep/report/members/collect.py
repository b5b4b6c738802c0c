"""Collects the members that a report shows."""

import logging

from optuna.trial import TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.guards import total_violation
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.report.members_comparison import MembersComparison
from fieldsharp.sweep.report.trial_rows import ParsedTrials
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.files.workspace import StudyWorkspace

logger = logging.getLogger(__name__)


def compare_members(
    trials: ParsedTrials, chosen: int | None, targets: Targets, files: StudyWorkspace
) -> MembersComparison | None:
    """Return the ensemble that a report shows, beside those that need no training.

    The chosen trial where its members are judged together, else the complete one with the least
    violation of guards, of those with as little the one with the lowest value.

    Args:
        trials: All of the study.
        chosen: Number of the trial that the report is about.
        targets: Of the validation split.
        files: Of the study.

    Returns:
        None where no complete trial has members that are judged together.
    """
    baseline = trials.baseline
    ensembles = {
        trial.number: trials.records[trial.number]
        for trial in trials.all
        if trial.state is TrialState.COMPLETE
        and trial is not baseline
        and trial.number in trials.records
        and trials.records[trial.number].sharpener in trials.records[trial.number].members
    }
    if baseline is None or not ensembles:
        return None
    number = chosen if chosen is not None and chosen in ensembles else None
    if number is None:
        number = min(
            ensembles,
            key=lambda one: (total_violation(ensembles[one].guards), ensembles[one].value, one),
        )
    observed, forecast = _previews(number, files)
    return MembersComparison(
        number=number,
        is_chosen=number == chosen,
        record=ensembles[number],
        baseline=trials.records[baseline.number],
        targets=targets,
        observed=observed,
        forecast=forecast,
    )


def _previews(
    number: int, files: StudyWorkspace
) -> tuple[ObservedPreview | None, ForecastPreview | None]:
    try:
        observed, preview = files.observed(), files.preview(number)
    except (StudyError, OSError) as error:  # of another version: the report goes on without
        logger.warning("no pictures of the members of trial %d: %s", number, error)
        return None, None
    forecast = preview.forecast if preview is not None else None
    if observed is None or forecast is None or not forecast.is_beside(observed):
        return observed, None
    return observed, forecast
