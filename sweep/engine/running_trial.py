"""A trial in training, and the data of the pictures that are drawn from it."""

import logging
from base64 import b64decode
from dataclasses import dataclass, field

import numpy as np

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.score import Score
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.previews import ForecastPreview, TrialPreview
from fieldsharp.sweep.study.sharpening_records import best_sharpened
from fieldsharp.sweep.study.trial_events import FoundLength, TrialDone
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


@dataclass
class RunningTrial:
    """A trial in training: the reports of its epochs, and their scores.

    Attributes:
        spec: What is trained.
        reports: Of its epochs, those of earlier attempts included.
        scores: Of the first reports; the rest waits for the baseline of the same epoch.
        end: The last event of its worker; the trial may still wait for the baseline.
        pruned: Whether its worker was asked to end it as hopeless.
        at_rung: Whether it was trained until a rung and no worker has it.
    """

    spec: TrialSpec
    reports: list[EpochReport] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    end: TrialDone | None = None
    pruned: bool = False
    at_rung: bool = False

    @property
    def is_baseline(self) -> bool:
        """Whether it is the trial that every other one is compared with."""
        return self.spec.is_baseline

    @property
    def ends_early(self) -> bool:
        """Whether its last report is not that of its last epoch."""
        return self.pruned or self.at_rung

    def keep(self, found: FoundLength) -> None:
        """Drop the epochs that were trained beyond the one where the training is kept."""
        self.reports = [*self.reports[: found.epochs - 1], found.report]
        del self.scores[found.epochs :]

    @property
    def seconds(self) -> float:
        """Wall time of its epochs."""
        return sum(report.seconds for report in self.reports)

    def early_end(self) -> TrialDone:
        """Return the end of a trial whose worker sent none, since it did not run all its epochs."""
        return TrialDone(self.spec.number, self.spec.attempt, self.seconds, 0.0, "", "")


def trial_preview(
    running: RunningTrial, end: TrialDone, record: TrialRecord | None = None
) -> TrialPreview:
    """Return what the pictures of a trial are drawn from, up to the epoch where it was pruned.

    The forecast is that with the trial's sharpener, the curves are of the predictor as it is. With
    the baseline is its best reference.
    """
    scored = running.reports[: len(running.scores)]
    losses = [report.losses for report in scored]
    columns = {
        "loss total": [loss.total for loss in losses],
        "loss base": [loss.base for loss in losses],
        "loss term": [loss.term for loss in losses],
        "loss peak": [loss.peak for loss in losses],
        "score": [score.total for score in running.scores],
        **{
            named(variable, name): [r.judgement.of(variable).overall[name] for r in scored]
            for variable in ("", *(scored[-1].judgement.others if scored else ()))
            for name in ("gradient", "peak", "rmse")
        },
    }
    sharpener = record.sharpener if record is not None else NO_SHARPENER
    best = best_sharpened(record.references if record is not None else [])
    reference = None if best is None else _decoded(end, end.sharpened_samples.get(best.name, ""))
    return TrialPreview(
        # A pruned trial may have trained on before it was cancelled: that net has no score.
        forecast=None if running.ends_early else _forecast(end, sharpener),
        epochs={name: np.array(values, dtype=np.float64) for name, values in columns.items()},
        reference=reference,
        sharpener=best.name if best is not None and reference is not None else "",
    )


def _forecast(end: TrialDone, sharpener: str) -> ForecastPreview | None:
    return _decoded(end, end.sharpened_samples.get(sharpener, end.sample))


def _decoded(end: TrialDone, sample: str) -> ForecastPreview | None:
    if not sample:
        return None
    try:
        return ForecastPreview.from_bytes(b64decode(sample))
    except (StudyError, ValueError) as error:  # out of the spool: of another version
        logger.warning("trial %d: no pictures of its forecast: %s", end.number, error)
        return None
