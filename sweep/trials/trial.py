"""A trial: trains one predictor and evaluates its forecast after every epoch."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import Hardware
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.predictors.starting_weights import start_from
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.model.training import State, Trainer
from fieldsharp.objectives.improvement import StoppingRule
from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.sweep.configuration.baseline_start import with_short_epochs
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.training_length import stopping_rule, with_whole_epochs
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.trial_events import FoundLength
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.loss import make_loss
from fieldsharp.sweep.trials.member_references import evaluate_member_references
from fieldsharp.sweep.trials.sharpening import SharpeningPlan, fit_sharpeners, training_forecasts

UNDEFINED_WITHOUT_NEIGHBOURS = "variogram_score"
"""The metric that is NaN on a grid of which no two valid cells are a pair."""
BEST = "best"
"""In the state of a training of length ``auto``: the state of its best epoch so far."""


class Trial:
    """Trains a predictor on a data set; reproducible on the same CPU.

    Args:
        evaluator: Evaluates the forecast; by default on the validation part.
        judged_every_epoch: Whether every epoch is evaluated, or the last one alone.
        sharpening: Which sharpeners are tried on the forecast, and when; by default that of the
            settings, after the last epoch.
        with_frontier: Whether the last report has the frontier of the forecast and, where members
            are judged, ensembles made from it without training.
        micro_batches: Parts a batch is computed in.

    A training of length ``auto`` goes on until the RMSE has stopped improving, and is then put back
    to the epoch where it is kept: weights, sharpeners and the last report are those of a training
    that is as long from the start.

    Attributes:
        reports: Of the epochs evaluated so far; of those up to the kept one where ``found`` is set.
        found: How long a training of length ``auto`` was found to be; None before, and of others.
        sharpeners: Fitted on the predictor after the last epoch in which any was tried.
    """

    def __init__(
        self,
        run: RunSettings,
        data: ForecastData,
        hardware: Hardware,
        evaluator: Evaluator | None = None,
        *,
        judged_every_epoch: bool = True,
        sharpening: SharpeningPlan | None = None,
        with_frontier: bool = False,
        micro_batches: int = 1,
    ) -> None:
        training = with_whole_epochs(run.training, len(data.train), len(data.validation))
        run = run.model_copy(update={"training": training})
        run = with_short_epochs(run, len(data.train))
        self.run = run
        self.reports: list[EpochReport] = []
        self.evaluator = evaluator or Evaluator(data, data.validation)
        self.judged_every_epoch = judged_every_epoch
        self.sharpening = sharpening or SharpeningPlan.of(run)
        self.sharpeners: Mapping[str, FittedSharpener] = {}
        self.found: FoundLength | None = None
        self._best: State | None = None
        self._to_judge: EpochLosses | None = None
        self._has_weights = run.training.start == "fresh"
        self._with_frontier = with_frontier
        self.hardware = hardware
        torch.manual_seed(run.training.seed)
        self.predictor: nn.Module = build_predictor(run.predictor, forecast_shape(data, run))
        self.predictor.to(hardware.device)
        self.trainer = Trainer(
            self.predictor,
            make_loss(run.loss, data, data.train),
            data.train,
            data.masks,
            run.training,
            hardware,
            micro_batches,
        )
        self._rule = (
            stopping_rule(run.training, self.trainer.steps_an_epoch)
            if run.training.length == "auto"
            else None
        )

    @property
    def is_done(self) -> bool:
        """Whether no further epoch is trained."""
        return self.found is not None or (
            self._rule is None and self.trainer.epochs_done >= self.run.training.epochs
        )

    @property
    def needs_weights(self) -> bool:
        """Whether it goes on from weights of the baseline that it was not given yet."""
        return not self._has_weights

    def start_from(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Go on from the weights of the baseline, before the first epoch.

        What is drawn from then on depends on the seed alone, wherever the weights come from.

        Raises:
            ConfigError: If they are of another predictor.
        """
        start_from(self.predictor, weights)
        torch.manual_seed(self.run.training.seed)
        self._has_weights = True

    def state(self) -> State:
        """Return the state that further epochs depend on.

        Under ``auto`` also that of the epoch where the training would be kept, unless it is this
        one.
        """
        state = self.trainer.state()
        if self._best is not None and self._best["epochs_done"] != self.trainer.epochs_done:
            state[BEST] = self._best
        return state

    def restore(self, state: State, reports: list[EpochReport]) -> None:
        """Continue from a saved state and its reports.

        Raises:
            TrainingFailed: If the state is of another training.
        """
        self.trainer.restore(state)
        self.reports = reports
        self._has_weights = True
        if self._rule is not None:
            self._best = state.get(BEST) or copy.deepcopy(self.trainer.state())

    def is_end(self, state: State) -> bool:
        """Return whether a saved state is that after the last epoch of a fixed length."""
        return self._rule is None and int(state["epochs_done"]) >= self.run.training.epochs

    def restore_finished(self, state: State, losses: EpochLosses) -> None:
        """Take over a training that was finished and judged elsewhere, to be evaluated here.

        Raises:
            TrainingFailed: If the state is of another training.
        """
        self.restore(state, [])
        self._to_judge = losses

    def epochs(
        self,
        interrupted: Callable[[], bool] = lambda: False,
        after_each: Callable[[], None] = lambda: None,
        until: int | None = None,
    ) -> Iterator[EpochReport]:
        """Train from the current epoch on, and yield the report of each evaluated epoch.

        Args:
            interrupted: Called before every training step; True ends the training.
            after_each: Called after every epoch, evaluated or not, before its report is yielded.
            until: Total number of epochs after which to end; None for all.

        Raises:
            TrainingFailed: If the training diverged, or its forecast is not finite.
            Interrupted: If ``interrupted`` returned True.
        """
        assert self._has_weights, "it goes on from the weights of the baseline"
        started = time.perf_counter()
        if self._to_judge is not None:
            judged = self._report(self._to_judge, is_last=True)
            self.reports.append(replace(judged, seconds=time.perf_counter() - started))
            self._to_judge = None
            after_each()
            yield self.reports[-1]
            return
        if self._rule is not None:
            yield from self._until_improvement_ends(self._rule, interrupted, after_each)
            return
        for losses in self.trainer.epochs(interrupted, until):
            is_last = losses.epoch == self.run.training.epochs - 1
            report = None
            if is_last or self.judged_every_epoch:
                report = self._report(losses, is_last=is_last)
                now = time.perf_counter()
                report = replace(report, seconds=now - started)
                self.reports.append(report)
                started = now
            after_each()
            if report is not None:
                yield report

    def _until_improvement_ends(
        self, rule: StoppingRule, interrupted: Callable[[], bool], after_each: Callable[[], None]
    ) -> Iterator[EpochReport]:
        """Train until the RMSE has stopped improving, and go back to the kept epoch.

        What is done depends on the reports alone, so that a training that is resumed goes on as it
        would have.
        """
        trainer, started = self.trainer, time.perf_counter()
        rmses = [report.judgement.error for report in self.reports]
        while True:
            if self.reports:
                rule = rule.beside(self.reports[-1].judgement.error_of_persistence)
                if rule.is_over(rmses):
                    break
            losses = next(trainer.epochs(interrupted, trainer.epochs_done + 1))
            report = self._report(losses, is_last=False)
            now = time.perf_counter()
            report = replace(report, seconds=now - started)
            started = now
            self.reports.append(report)
            rmses.append(report.judgement.error)
            if rule.kept(rmses) == trainer.epochs_done:
                self._best = copy.deepcopy(trainer.state())
            after_each()
            yield report
        kept = rule.kept(rmses)
        assert self._best is not None, "an epoch is kept as soon as it is the best"
        trainer.restore(self._best)
        report = self._report(self.reports[kept - 1].losses, is_last=True)
        report = replace(report, seconds=self.reports[kept - 1].seconds)
        self.found = FoundLength(
            report=report, epochs_looked_at=len(rmses), reached_most=rule.reached_most(rmses)
        )
        self.reports = [*self.reports[: kept - 1], report]

    def fit_sharpeners(self) -> None:
        """Fit the sharpeners on the predictor as it is now, if that was not done already.

        After all epochs were restored from a checkpoint they are still to be fitted.
        """
        if self.sharpeners or not self.sharpening.names:
            return
        data = self.evaluator.data
        forecasts = training_forecasts(data, self.predictor, self.run.training.seed)
        self.sharpeners = fit_sharpeners(self.sharpening, data, forecasts)

    def _report(self, losses: EpochLosses, *, is_last: bool) -> EpochReport:
        """Return the report of an epoch, without its seconds."""
        self.sharpeners = {}
        if is_last or losses.epoch + 1 in self.sharpening.rungs:
            self.fit_sharpeners()
        wants_frontier = is_last and self._with_frontier
        statistics = self.evaluator.frontier_statistics() if wants_frontier else None
        by_window = self.evaluator.window_accumulation() if is_last else None
        members: dict[str, MembersResult] = {}
        found = self.evaluator.evaluate_sharpened(
            self.predictor,
            self.sharpeners,
            seed=self.run.training.seed,
            detail=is_last,
            frontier=statistics,
            by_window=by_window,
            of_members=members if is_last else None,
        )
        metrics = found.pop(NO_SHARPENER)
        if wants_frontier and self.evaluator.members is not None:
            found |= evaluate_member_references(
                self.evaluator,
                self.predictor,
                metrics,
                self.run.training.seed,
                by_window=by_window,
                of_members=members,
            )
        for name, values in zip(self.evaluator.names, metrics.each(), strict=True):
            _require_finite(values.overall, losses.epoch, name if metrics.others else "")
        return EpochReport(
            losses.epoch,
            losses,
            metrics,
            seconds=0.0,
            sharpened=found,
            frontier=None if statistics is None else statistics.frontier(),
            window_statistics=None if by_window is None else by_window.statistics(),
            members=members,
        )


def _require_finite(metrics: dict[str, float], epoch: int, variable: str) -> None:
    """Check the metrics: the last step of an epoch may have diverged."""
    of = f" of {variable}" if variable else ""
    for name, value in metrics.items():
        if name == UNDEFINED_WITHOUT_NEIGHBOURS and math.isnan(value):
            continue
        if not math.isfinite(value):
            raise TrainingFailed(
                f"the {name} of the forecast{of} is {value:g} after epoch {epoch + 1}: the "
                "training diverged; lower training.learning_rate or loss.gradient_weight"
            )


def forecast_shape(data: ForecastData, run: RunSettings) -> ForecastShape:
    """Return the shapes of the predictor's input and output."""
    height, width = data.mask_HW.shape
    return ForecastShape(
        *(run.data.history, run.data.horizon, data.channels, height, width), data.input_channels
    )
