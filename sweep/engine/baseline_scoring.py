"""Scoring trials against the baseline, which may still be at work itself."""

from fieldsharp.objectives.guards import check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import Score, score_forecast
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.rung_results import RungResult, objective_values, total_violation
from fieldsharp.sweep.study.trial_events import TrialDone
from fieldsharp.sweep.study.trial_records import TrialRecord


class BaselineScoring:
    """Knows the baseline epoch by epoch, and what a forecast scores beside it.

    Args:
        objective: How a forecast is scored.
        targets: What gradient and peak must reach.
    """

    def __init__(self, objective: ObjectiveSettings, targets: Targets) -> None:
        self._objective = objective
        self._targets = targets
        self._baseline: list[MetricValues] = []
        self.baseline_ended = False

    def add_baseline(self, report: EpochReport) -> None:
        """Take in an epoch of the baseline, in place of what an attempt that was lost said of it.

        What that one said of later epochs stays: trials were compared with it, perhaps pruned.
        """
        self._baseline[report.epoch : report.epoch + 1] = [report.judgement]

    def end_baseline(self, judgements: list[MetricValues] | None = None) -> None:
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
        return None if baseline is None else self._score(report.judgement, baseline)

    def at_rung(self, report: EpochReport, of: int) -> RungResult:
        """Return what counts at a rung; the baseline of that age is known.

        Args:
            report: Of the epoch.
            of: Epochs in all.
        """
        return self._rung_result(report.epoch, of, report.judgement)

    def baseline_at_rung(self, epochs: int, of: int) -> RungResult | None:
        """Return what the baseline had come to after so many epochs, None if not known yet."""
        baseline = self._at(epochs - 1)
        return None if baseline is None else self._rung_result(epochs - 1, of, baseline)

    def _rung_result(self, epoch: int, of: int, judgement: MetricValues) -> RungResult:
        baseline = self._at(epoch)
        assert baseline is not None, "nothing is judged before the baseline of its age"
        score = self._score(judgement, baseline)
        outcomes = check_guards(judgement, self._objective.guards, baseline)
        return RungResult(
            epochs=epoch + 1,
            values=objective_values(
                self._objective.mode, score.total, _parts(score), judgement.overall["rmse"]
            ),
            violation=total_violation(outcomes, epoch + 1, of),
        )

    def final(self, report: EpochReport) -> Score:
        """Return the score against the finished baseline."""
        return self._score(report.judgement, self._baseline[-1])

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
            score_parts=_parts(score),
            guards=check_guards(judgement, self._objective.guards, baseline),
            baseline_rmse=baseline.overall["rmse"],
            epochs=len(judged),
            seconds=end.seconds,
            peak_memory_mb=end.peak_memory_mb,
            device=end.device,
            precision=end.precision,
        )

    def _at(self, epoch: int) -> MetricValues | None:
        """Return the baseline after an epoch, or after its last; None if not known yet."""
        if epoch < len(self._baseline):
            return self._baseline[epoch]
        return self._baseline[-1] if self.baseline_ended else None

    def _score(self, judgement: MetricValues, baseline: MetricValues) -> Score:
        rmse = baseline.overall["rmse"]
        return score_forecast(judgement.overall, self._targets, rmse, self._objective.rmse_weight)


def _parts(score: Score) -> dict[str, float]:
    return {"gradient": score.gradient, "peak": score.peak, "rmse": score.rmse}
