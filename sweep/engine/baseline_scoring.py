"""Scores of trials relative to the baseline after the same number of epochs."""

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from fieldsharp.model.registry import BEST_SHARPENER, NO_SHARPENER
from fieldsharp.objectives.guards import GuardOutcome, broken, total_violation
from fieldsharp.objectives.guards_of_variables import check_all_guards
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.limits.error_limit import all_rmse_multiples
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.members.result import best_crps
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import Score, score_values, trial_value
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.sharpened import JudgedForecast, Violation, best_of, judge
from fieldsharp.objectives.targets import Targets
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.rung_results import RungResult, forgiven, objective_values
from fieldsharp.sweep.study.sharpening_records import SharpenedForecast, Sharpening
from fieldsharp.sweep.study.trial_events import FoundLength, TrialDone
from fieldsharp.sweep.study.trial_records import TrialRecord, VariableRecord


class BaselineScoring:
    """Scores forecasts relative to the baseline, which may still be running.

    Args:
        objective: How a forecast is scored.
        targets: What gradient and peak must reach; all NaN where that is not known yet.
        field: The variation of the truth of the split, where it is known.
    """

    def __init__(
        self, objective: ObjectiveSettings, targets: Targets, field: FieldVariation | None = None
    ) -> None:
        self._objective = objective
        self.targets = targets
        self._field = field
        self._rmse_multiples: dict[str, list[float]] = {}
        self._baseline: list[MetricValues] = []
        self._sharpened: dict[int, dict[str, MetricValues]] = {}
        self._member_references: dict[str, MetricValues] = {}
        self.baseline_ended = False

    def add_baseline(self, report: EpochReport) -> None:
        """Add an epoch of the baseline, in place of the same epoch of a lost attempt.

        Later epochs of a lost attempt stay: trials were compared with them, perhaps pruned.
        """
        self._baseline[report.epoch : report.epoch + 1] = [report.judgement]
        if report.sharpened:
            self._sharpened[report.epoch + 1] = dict(report.sharpened)
        if report.members:  # of its last epoch
            self._member_references = dict(report.sharpened)
        if report.frontier is not None:  # of its last epoch
            self._rmse_multiples = all_rmse_multiples(
                self._objective.guards, report.frontier, report.judgement
            )

    def end_baseline(self, found: FoundLength | None = None, rungs: Collection[int] = ()) -> None:
        """Take the baseline as finished.

        Args:
            found: Its length, where that was not fixed; the epochs beyond do not count.
            rungs: Epochs after which trials of that length are compared.
        """
        self.baseline_ended = True
        if found is None:
            return
        self.add_baseline(found.report)
        del self._baseline[found.epochs :]
        wanted = {*rungs, found.epochs}
        self._sharpened = {at: one for at, one in self._sharpened.items() if at in wanted}

    def restore_baseline(self, record: TrialRecord) -> None:
        """Take over a baseline that an earlier coordinator finished."""
        self._baseline = record.judgements_by_epoch
        self._sharpened = record.sharpened_by_epoch
        self._member_references = record.member_references
        self._rmse_multiples = {
            "": record.rmse_multiples,
            **{name: record.variables[name].rmse_multiples for name in record.judgement.others},
        }
        self.baseline_ended = True

    def at_same_epoch(self, report: EpochReport, *, finished: bool = False) -> Score | None:
        """Return the score relative to the baseline after as many epochs, None if not known yet.

        Or to the finished one, as of a trial that goes on from its weights.
        """
        baseline = self._at(len(self._baseline) if finished else report.epoch)
        return None if baseline is None else self._score(report.judgement, baseline)

    def at_rung(
        self, report: EpochReport, of: int, sharpening: str, *, sharpens: bool = False
    ) -> RungResult:
        """Return the result of a trial at a rung; the baseline has reached it already.

        Args:
            report: Of the epoch.
            of: Epochs in all.
            sharpening: The setting of the trial.
            sharpens: Whether its loss can sharpen.
        """
        forecasts = {NO_SHARPENER: report.judgement, **report.sharpened}
        result = self._rung_result(report.epoch, of, forecasts, sharpening)
        is_behind = any(
            one.overall["rmse"] > one.overall.get("rmse_climatology", math.inf)
            for one in report.judgement.each()
        )
        is_early = sharpens and 2 * result.epochs < of
        return result.model_copy(update={"guards_decide": not (is_behind or is_early)})

    def baseline_at_rung(self, epochs: int, of: int, sharpening: str) -> RungResult | None:
        """Return the result of the baseline after so many epochs, None if not known yet."""
        baseline = self._at(epochs - 1)
        if baseline is None:
            return None
        forecasts = {NO_SHARPENER: baseline, **self._sharpened.get(epochs, {})}
        return self._rung_result(epochs - 1, of, forecasts, sharpening)

    def _rung_result(
        self, epoch: int, of: int, forecasts: Mapping[str, MetricValues], sharpening: str
    ) -> RungResult:
        baseline = self._at(epoch)
        assert baseline is not None, "no trial is scored before the baseline has reached its epoch"

        of_baseline = broken(
            check_all_guards(baseline, self._objective.guards, baseline, self._field)
        )
        excused = {outcome.name for outcome in of_baseline}

        def violation(outcomes: Sequence[GuardOutcome]) -> float:
            counted = (outcome for outcome in outcomes if outcome.name not in excused)
            return total_violation(counted, forgiven(epoch + 1, of))

        judged = self._judged(forecasts, baseline)
        # The value is compared without guards, too: a sharpener that adds no violation is as good
        # for a net that breaks a guard as for one that does not.
        as_it_is = violation(judged[0].guards)
        best = _chosen(judged, sharpening, lambda outcomes: violation(outcomes) - as_it_is)
        value = trial_value(best.score.total, judged[0].score.total)
        return RungResult(
            epochs=epoch + 1,
            values=objective_values(self._objective.mode, value, best.score.parts, best.error),
            violation=violation(best.guards),
            rmse=best.error,
        )

    @property
    def _crps(self) -> dict[str, float] | None:
        """Fair CRPS of the best ensemble without training; None where members are not judged."""
        if not self._objective.judges_members:
            return None
        found = best_crps(self._member_references, self.targets.by_variable)
        # Before the baseline has ended nothing is known of it, and the score has no part of it.
        return found or dict.fromkeys(self.targets.by_variable, math.inf)

    @property
    def last(self) -> Mapping[str, float]:
        """The metrics of the finished baseline; none before."""
        return self._baseline[-1].overall if self.baseline_ended else {}

    def final(self, report: EpochReport) -> Score:
        """Return the score of a forecast as it is, relative to the finished baseline."""
        return self._score(report.judgement, self._baseline[-1])

    def record(self, running: RunningTrial, end: TrialDone) -> TrialRecord:
        """Return the record of a trial, up to the epoch where it was pruned.

        It is judged with its sharpener, the baseline without: its sharpened forecasts are the
        references.
        """
        scored = running.reports[: len(running.scores)]
        last = scored[-1]
        # A trial that ended early is compared with the baseline after as many epochs.
        is_behind = running.ends_early and not running.spec.starts_from_baseline
        then = self._at(last.epoch) if is_behind else None
        baseline = then or self._baseline[-1]
        forecasts = {NO_SHARPENER: last.judgement, **last.sharpened}
        judged = self._judged(forecasts, baseline, {} if then else self._rmse_multiples)
        chosen = _chosen(judged, running.spec.judged_under)
        return TrialRecord(
            judgement=chosen.values,
            judgements_by_epoch=[r.judgement for r in scored] if running.is_baseline else [],
            score=chosen.score.total,
            score_parts=chosen.score.parts,
            guards=chosen.guards,
            baseline_rmse=baseline.overall["rmse"],
            epochs=len(scored),
            seconds=end.seconds,
            peak_memory_mb=end.peak_memory_mb,
            device=end.device,
            precision=end.precision,
            sharpening=Sharpening(name=chosen.sharpener, without=SharpenedForecast.of(judged[0])),
            references=[SharpenedForecast.of(one) for one in judged[1:]]
            if running.is_baseline
            else [],
            sharpened_by_epoch=self._sharpened if running.is_baseline else {},
            frontier=last.frontier if running.is_baseline else None,
            window_statistics=_kept_with(last.window_statistics, is_baseline=running.is_baseline),
            steps=end.steps or None,
            epochs_looked_at=end.found.epochs_looked_at if end.found is not None else None,
            reached_most=end.found.reached_most if end.found is not None else None,
            rmse_multiples=self._rmse_multiples.get("", []) if running.is_baseline else [],
            members={
                name: one
                for name, one in last.members.items()
                if running.is_baseline or name == chosen.sharpener
            },
            variables={
                name: VariableRecord(
                    score=score.total,
                    score_parts=score.parts,
                    baseline_rmse=baseline.of(name).overall["rmse"],
                    rmse_multiples=self._multiples_of(name, chosen.values)
                    if running.is_baseline
                    else [],
                )
                for name, score in chosen.score.by_variable.items()
            },
        )

    def _multiples_of(self, variable: str, values: MetricValues) -> list[float]:
        key = variable if variable in values.others else ""
        return self._rmse_multiples.get(key, [])

    def _judged(
        self,
        forecasts: Mapping[str, MetricValues],
        baseline: MetricValues,
        multiples: Mapping[str, Sequence[float]] = MappingProxyType({}),
    ) -> list[JudgedForecast]:
        """Return the forecasts, judged; at rungs without the multiples of the whole baseline."""
        return judge(
            *(forecasts, NO_SHARPENER, self._objective, self.targets, baseline),
            field=self._field,
            rmse_multiples=multiples,
            crps=self._crps,
        )

    def _at(self, epoch: int) -> MetricValues | None:
        """Return the baseline after an epoch, or after its last; None if not known yet.

        Also before the targets are known.
        """
        if math.isnan(self.targets.gradient.low):
            return None
        if epoch < len(self._baseline):
            return self._baseline[epoch]
        return self._baseline[-1] if self.baseline_ended else None

    def _score(self, judgement: MetricValues, baseline: MetricValues) -> Score:
        return score_values(judgement, self.targets, baseline, self._objective, self._crps)


def _chosen(
    judged: Sequence[JudgedForecast], sharpening: str, violation: Violation = total_violation
) -> JudgedForecast:
    """Return the forecast under the sharpener of a setting; that without where it has none yet."""
    if sharpening == BEST_SHARPENER:
        return best_of(judged, violation)
    return next((one for one in judged if one.sharpener == sharpening), judged[0])


def _kept_with(found: WindowStatistics | None, *, is_baseline: bool) -> WindowStatistics | None:
    """Return the statistics of windows as they are stored: the truth's with the baseline alone."""
    if found is None or is_baseline:
        return found
    others = {name: _without_truth(one) for name, one in found.others.items()}
    return _without_truth(found).model_copy(update={"others": others})


def _without_truth(found: WindowStatistics) -> WindowStatistics:
    return found.model_copy(update={"observed": None})
