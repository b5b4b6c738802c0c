"""References of files: the baseline under each sharpener, scored as a sweep scores trials."""

from dataclasses import asdict
from typing import Any

from fieldsharp.core.errors import DataError
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.sharpened import judge
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast
from fieldsharp.sweep.study.status.references import Reference, reference
from fieldsharp.sweep.trials.file_evaluation import Evaluation

NOT_ASKED_FOR = (
    "sharpeners are fitted on forecasts of training frames: give them with --sharpen-with "
    "TRAINING_FORECAST TRAINING_TRUTH"
)


def file_references(evaluation: Evaluation) -> list[Reference]:
    """Return the baseline of two files under each sharpener; none without training files.

    Targets are 0.95 of the observed gradient and peak, as ``auto`` of a configuration.

    Raises:
        DataError: If nothing was observed that a target could be a share of.
    """
    if not evaluation.sharpened:
        return []
    baseline = evaluation.baseline_values
    assert baseline is not None, "sharpened forecasts are of it"
    observed = baseline.overall
    gradient, above_mean = (
        observed["gradient_observed"],
        observed["peak_observed"] - observed["mean_observed"],
    )
    if not (gradient > 0 and above_mean > 0):
        raise DataError(
            f"the truth has a mean gradient of {gradient:g} and a peak {above_mean:g} above its "
            "mean, of which no target can be taken for references; give a truth that varies, or "
            "leave out --sharpen-with"
        )
    objective = ObjectiveSettings()
    forecasts = {NO_SHARPENER: baseline, **evaluation.sharpened}
    judged = judge(
        forecasts, NO_SHARPENER, objective, resolve_targets(objective, observed), baseline
    )
    return [reference(SharpenedForecast.of(one)) for one in judged[1:]]


def evaluation_as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation with its references as plain values for JSON.

    Raises:
        DataError: As ``file_references``.
    """
    listed = [asdict(one) for one in file_references(evaluation)]
    note = note_on_references(evaluation)
    return {**evaluation.as_json(), "references": listed, "references_note": note}


def note_on_references(evaluation: Evaluation) -> str | None:
    """Return why references are missing, or are better than they should be; None if neither."""
    if not evaluation.sharpened and not evaluation.not_fitted:
        return NOT_ASKED_FOR
    notes = list(evaluation.not_fitted.values())
    if evaluation.frames_fitted_on:
        notes.append(
            f"{evaluation.frames_fitted_on} of the {evaluation.frames} frames are among those that "
            "sharpeners were fitted on, which makes references better than they are on new ones"
        )
    return "; ".join(notes) or None
