"""Results of the baseline and the chosen trial on the validation split, as they are stored."""

import logging

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.report.model import AccusedTrial, ForecastResult, Kind, SplitResults
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.previews import ForecastPreview, ObservedPreview
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.sharpening_records import best_sharpened
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)
Specs = dict[Kind, TrialSpec]
"""Specs of the trials that the report compares."""


def validation_split(
    summary: DataSummary, records: dict[Kind, TrialRecord], specs: Specs, files: StudyWorkspace
) -> SplitResults:
    """Return the results of the validation split from stored records and previews."""
    results: dict[Kind, ForecastResult] = {}
    for kind, record in records.items():
        scores = {name: one.score for name, one in record.variables.items()}
        results[kind] = ForecastResult(record.judgement, record.score, record.guards, scores)
        best = best_sharpened(record.references)
        if best is not None:
            results["reference"] = ForecastResult(
                best.judgement, best.score, best.guards, best.scores
            )
    observed, forecasts = _stored_previews(specs, files)
    return SplitResults(summary.targets, results, observed, forecasts)


def _stored_previews(
    specs: Specs, files: StudyWorkspace
) -> tuple[ObservedPreview | None, dict[Kind, ForecastPreview]]:
    forecasts: dict[Kind, ForecastPreview] = {}
    try:
        observed = files.observed()
        if observed is None:
            return None, {}
        for kind, spec in specs.items():
            preview = files.preview(spec.number)
            forecast = preview.forecast if preview is not None else None
            reference = preview.reference if preview is not None else None
            if forecast is not None and forecast.is_beside(observed):
                forecasts[kind] = forecast
            if reference is not None and reference.is_beside(observed):
                forecasts["reference"] = reference
    except (StudyError, OSError) as error:  # of another version: the report goes on without
        logger.warning("no pictures of the validation split: %s", error)
        return None, {}
    return observed, forecasts


def accused_trial(number: int, specs: Specs, files: StudyWorkspace) -> AccusedTrial | None:
    """Return the pictures of a trial beside the baseline's, None without stored previews."""
    baseline = specs.get("baseline")
    numbers = {"baseline": baseline.number} if baseline is not None else {}
    try:
        observed = files.observed()
        if observed is None:
            return None
        forecasts = {}
        for name, one in {**numbers, f"trial {number}": number}.items():
            preview = files.preview(one)
            forecast = preview.forecast if preview is not None else None
            if forecast is not None and forecast.is_beside(observed):
                forecasts[name] = forecast
    except (StudyError, OSError) as error:  # of another version: the report goes on without
        logger.warning("no pictures of trial %d: %s", number, error)
        return None
    has_trial = f"trial {number}" in forecasts
    return AccusedTrial(number, observed, forecasts) if has_trial else None
