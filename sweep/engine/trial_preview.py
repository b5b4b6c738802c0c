"""What pictures of a trial are drawn from, put together when it ends."""

import logging
from base64 import b64decode

import numpy as np

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.study.files.previews import ForecastPreview, TrialPreview
from fieldsharp.sweep.study.trial_events import TrialDone

logger = logging.getLogger(__name__)


def trial_preview(running: RunningTrial, end: TrialDone) -> TrialPreview:
    """Return the sample of a trial whose epochs are scored, up to where it was pruned."""
    judged = running.reports[: len(running.scores)]
    losses = [report.losses for report in judged]
    columns = {
        "loss total": [loss.total for loss in losses],
        "loss base": [loss.base for loss in losses],
        "loss term": [loss.term for loss in losses],
        "loss peak": [loss.peak for loss in losses],
        "score": [score.total for score in running.scores],
        **{name: [r.metrics[name] for r in judged] for name in ("gradient", "peak", "rmse")},
    }
    return TrialPreview(
        # One that was pruned and heard it too late has trained on: that net is not judged.
        forecast=None if running.ends_early else _forecast(end),
        epochs={name: np.array(values, dtype=np.float64) for name, values in columns.items()},
    )


def _forecast(end: TrialDone) -> ForecastPreview | None:
    if not end.sample:
        return None
    try:
        return ForecastPreview.from_bytes(b64decode(end.sample))
    except (StudyError, ValueError) as error:  # out of the spool: of another version
        logger.warning("trial %d: no pictures of its forecast: %s", end.number, error)
        return None
