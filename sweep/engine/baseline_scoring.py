"""Scores of trials relative to the baseline after the same number of epochs."""

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
    """Scores forecasts relative to the baseline, which may still be running.

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
        """Add an epoch of the baseline, in place of the same epoch of a lost attempt.

        Later epochs of a lost attempt stay: trials were compared with them, perhaps pruned.
        """
        self._baseline[report.epoch : report.epoch + 1] = [report.judgement]

    def end_baseline(self, judgements: list[MetricValues] | None = None) -> None:
        """Take the baseline as finished.

        Args:
            judgements: Metrics after each of its epochs; None if all were added already.
        """
        if judgements is not None:
            self._baseline = judgements
        self.baseline_ended = True

    def at_same_epoch(self, report: EpochReport) -> Score | None:
        """Return the score relative to the baseline after as many epochs, None if not known yet."""
        baseline = self._at(report.epoch)
        return None if baseline is None else self._score(report.judgement, baseline)

    def at_rung(self, report: EpochReport, of: int) -> RungResult:
        """Return the result of a trial at a rung; the baseline has reached it already.

        Args:
            report: Of the epoch.
            of: Epochs in all.
        """
        return self._rung_result(report.epoch, of, report.judgement)

    def baseline_at_rung(self, epochs: int, of: int) -> RungResult | None:
        """Return the result of the baseline after so many epochs, None if not known yet."""
        baseline = self._at(epochs - 1)
        return None if baseline is None else self._rung_result(epochs - 1, of, baseline)

    def _rung_result(self, epoch: int, of: int, judgement: MetricValues) -> RungResult:
        baseline = self._at(epoch)
        assert baseline is not None, "no trial is scored before the baseline has reached its epoch"
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
        """Return the score relative to the finished baseline."""
        return self._score(report.judgement, self._baseline[-1])

    def record(self, running: RunningTrial, end: TrialDone) -> TrialRecord:
        """Return the record of a trial, up to the epoch where it was pruned."""
        scored = running.reports[: len(running.scores)]
        score = running.scores[-1]
        # A trial that ended early is compared with the baseline after as many epochs.
        then = self._at(scored[-1].epoch) if running.ends_early else None
        baseline = then or self._baseline[-1]
        judgement = scored[-1].judgement
        return TrialRecord(
            judgement=judgement,
            judgements_by_epoch=[r.judgement for r in scored] if running.is_baseline else [],
            score=score.total,
            score_parts=_parts(score),
            guards=check_guards(judgement, self._objective.guards, baseline),
            baseline_rmse=baseline.overall["rmse"],
            epochs=len(scored),
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
