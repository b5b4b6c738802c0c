"""Scoring trials against the baseline, which may still be at work itself."""

from objectives.guards import check_guards
from objectives.judgement import Judgement
from objectives.score import Score, score_forecast
from objectives.settings import ObjectiveSettings
from objectives.targets import Targets
from sweep.running.epoch_report import EpochReport
from sweep.running.executor import TrialDone
from sweep.running.running_trial import RunningTrial
from sweep.study.records import TrialRecord
from sweep.study.rungs import RungResult


class Scoring:
    """Knows the baseline epoch by epoch, and what a forecast scores beside it.

    Args:
        objective: How a forecast is scored.
        targets: What gradient and peak must reach.
    """

    def __init__(self, objective: ObjectiveSettings, targets: Targets) -> None:
        self._objective = objective
        self._targets = targets
        self._baseline: list[Judgement] = []
        self.baseline_ended = False

    def add_baseline(self, report: EpochReport) -> None:
        """Take in an epoch of the baseline, in place of what an attempt that was lost said of it.

        What that one said of later epochs stays: trials were compared with it, perhaps pruned.
        """
        self._baseline[report.epoch : report.epoch + 1] = [report.judgement]

    def end_baseline(self, judgements: list[Judgement] | None = None) -> None:
        """Take the baseline as finished.

        Args:
            judgements: After each of its epochs; None where all were added already.
        """
        if judgements is not None:
            self._baseline = judgements
        self.baseline_ended = True

    def at_its_age(self, report: EpochReport) -> Score | None:
        """Return the score against the baseline of the same age, None while that is not known."""
        baseline = self._at(report.epoch)
        return None if baseline is None else self._score(report, baseline)

    def at_rung(self, report: EpochReport, score: Score) -> RungResult:
        """Return what counts at a rung, beside the baseline of the same age.

        Args:
            report: Of the epoch; the baseline of that age is known.
            score: After it.
        """
        baseline = self._at(report.epoch)
        outcomes = check_guards(report.judgement, self._objective.guards, baseline)
        parts = score.gradient, score.peak, report.metrics["rmse"]
        return RungResult(
            epochs=report.epoch + 1,
            values=(score.total,) if self._objective.mode == "score" else parts,
            violation=sum(max(0.0, outcome.violation) for outcome in outcomes),
        )

    def final(self, report: EpochReport) -> Score:
        """Return the score against the finished baseline."""
        return self._score(report, self._baseline[-1])

    def record(self, running: RunningTrial, end: TrialDone) -> TrialRecord:
        """Return what is kept of a trial whose epochs are scored, up to where it was pruned."""
        judged = running.reports[: len(running.scores)]
        score = running.scores[-1]
        # Beside the baseline of its age where it ended early, else beside the finished one.
        then = self._at(judged[-1].epoch) if running.ends_early else None
        baseline = then or self._baseline[-1]
        judgement = judged[-1].judgement
        return TrialRecord(
            judgement=judgement,
            judgements_by_epoch=[r.judgement for r in judged] if running.is_baseline else [],
            score=score.total,
            score_parts={"gradient": score.gradient, "peak": score.peak, "rmse": score.rmse},
            guards=check_guards(judgement, self._objective.guards, baseline),
            baseline_rmse=baseline.overall["rmse"],
            epochs=len(judged),
            seconds=end.seconds,
            peak_memory_mb=end.peak_memory_mb,
            device=end.device,
            precision=end.precision,
        )

    def _at(self, epoch: int) -> Judgement | None:
        """Return the baseline after an epoch, or after its last; None if not known yet."""
        if epoch < len(self._baseline):
            return self._baseline[epoch]
        return self._baseline[-1] if self.baseline_ended else None

    def _score(self, report: EpochReport, baseline: Judgement) -> Score:
        return score_forecast(
            report.metrics, self._targets, baseline.overall["rmse"], self._objective.rmse_weight
        )
