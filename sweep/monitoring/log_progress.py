"""Telling how far a sweep is in plain lines, where no table can be redrawn."""

import logging

from fieldsharp.objectives.guards import GuardOutcome
from fieldsharp.objectives.score import Score
from fieldsharp.sweep.monitoring.progress import SilentProgress, outcome, outcome_so_far
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.status.state import ScoredTrial
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


class LogProgress(SilentProgress):
    """A log line for every trial."""

    def begin(self, finished: int, total: int, best: ScoredTrial | None) -> None:
        """Say where the sweep starts from."""
        super().begin(finished, total, best)
        logger.info("%s: %d of %d trials done", self.study, finished, total)

    def started(self, spec: TrialSpec) -> None:
        """Say what a trial trains."""
        logger.info("%s trial %d: started, %s", self.study, spec.number, describe(spec))

    def completed(
        self, spec: TrialSpec, report: EpochReport, score: Score, wrong: list[GuardOutcome]
    ) -> None:
        """Say what came of it, and where the sweep is."""
        super().completed(spec, report, score, wrong)
        logger.info(
            "%s trial %d: complete, %s | %s",
            self.study,
            spec.number,
            outcome(report, score, wrong),
            self.line(),
        )

    def paused(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Say when and at what score."""
        logger.info("%s trial %d: paused %s", self.study, spec.number, outcome_so_far(record))

    def pruned(self, spec: TrialSpec, record: TrialRecord) -> None:
        """Say when and at what score."""
        super().pruned(spec, record)
        logger.info("%s trial %d: pruned %s", self.study, spec.number, outcome_so_far(record))
