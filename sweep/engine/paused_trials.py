"""Pausing trials at rungs and going on with them: the rule of promotion, applied to a study."""

from collections.abc import Collection

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import rungs
from fieldsharp.sweep.engine.asha import Asha
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.running_trial import RunningTrial
from fieldsharp.sweep.engine.trial_preview import trial_preview
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.rung_results import RungResult
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec


class PausedTrials:
    """Knows the paused trials of a study; the baseline is never one of them.

    Without promotion there are no rungs, and nothing is ever paused.

    Args:
        repository: The study's book.
        files: The study's files beside the database.
        scoring: Against the baseline.
    """

    def __init__(
        self, repository: StudyRepository, files: StudyWorkspace, scoring: BaselineScoring
    ) -> None:
        self._repository = repository
        self._files = files
        self._scoring = scoring
        self._promotion = _promotion(repository.config)
        self._paused: dict[int, tuple[RunningTrial, TrialRecord]] = {}

    def prepare(self) -> None:
        """Take up what a coordinator before this one left."""
        if not self._promotion.rungs:
            return
        for rung in self._promotion.rungs:
            self._look_at_the_baseline(rung)
        for number, results in self._repository.rungs().items():
            for result in results:
                self._promotion.reached(number, result)
        for spec, record in self._repository.paused():
            self._paused[spec.number] = RunningTrial(spec), record
            self._promotion.pause(spec.number, record.epochs)

    @property
    def count(self) -> int:
        """How many trials are paused."""
        return len(self._paused)

    def until(self, spec: TrialSpec, trained: int) -> int | None:
        """Return the epochs after which a trial is to be handed back, None at its end.

        Args:
            spec: The trial.
            trained: Epochs it has behind it; at a rung it is handed back there once more.
        """
        if RunningTrial(spec).is_baseline:
            return None
        if trained in self._promotion.rungs:
            return trained
        return self._promotion.until(spec.number, spec.run.training.epochs)

    def is_at_rung(self, running: RunningTrial) -> bool:
        """Return whether the epochs of a trial that was handed back end at a rung."""
        return len(running.reports) in self._promotion.rungs

    def result(self, running: RunningTrial, report: EpochReport) -> RungResult | None:
        """Return what a trial came to where it came to a rung, which counts from now on."""
        number, epochs = running.spec.number, report.epoch + 1
        if running.is_baseline or not self._promotion.is_new(number, epochs):
            return None
        result = self._scoring.at_rung(report, running.spec.run.training.epochs)
        self._promotion.reached(number, result)
        self._look_at_the_baseline(epochs)
        return result

    def goes_on(self, running: RunningTrial, at_work: Collection[int], new: int) -> bool:
        """Return whether a trial that came to a rung goes on at once.

        Args:
            running: The trial.
            at_work: The trials that are being trained.
            new: Trials that are still to be begun.
        """
        epochs = len(running.reports)
        return self._promotion.goes_on(running.spec.number, epochs, at_work, new)

    def pause(self, running: RunningTrial) -> TrialRecord:
        """Have a trial that came to a rung wait there, and return what it has come to."""
        number, epochs = running.spec.number, len(running.reports)
        end = running.last_word()
        record = self._scoring.record(running, end)
        pictures = self._files.save_preview(number, trial_preview(running, end))
        self._repository.pause(number, epochs, record, pictures)
        self._files.keep_last_checkpoint(number)
        self._promotion.pause(number, epochs)
        self._paused[number] = running, record
        return record

    def next_up(self, at_work: Collection[int], new: int) -> int | None:
        """Return a paused trial whose turn has come, None where there is none."""
        return self._promotion.next_up(at_work, new)

    def go_on(self, number: int) -> RunningTrial:
        """Return a paused trial, now one that runs.

        Raises:
            TrialRefusedError: If another program ended it; it is not paused any more.
        """
        running, _ = self._paused.pop(number)
        self._promotion.leave(number)
        running.spec = self._repository.resume_paused(number)
        return running

    def give_up(
        self, at_work: Collection[int], new: int, *, all_of_them: bool
    ) -> list[tuple[TrialSpec, TrialRecord]]:
        """Tell of the paused trials whose turn cannot come any more, and return them.

        Args:
            at_work: The trials that are being trained.
            new: Trials that are still to be begun.
            all_of_them: Whether no trial goes on any more.
        """
        there = list(self._paused)
        ended = []
        for number in there if all_of_them else self._promotion.hopeless(at_work, new):
            self._repository.prune_paused(number)
            self._promotion.leave(number)
            running, record = self._paused.pop(number)
            ended.append((running.spec, record))
        return ended

    def _look_at_the_baseline(self, rung: int) -> None:
        result = self._scoring.baseline_at_rung(rung, self._repository.config.training.epochs)
        if result is not None:
            self._promotion.baseline_reached(result)


def _promotion(config: SweepConfig) -> Asha:
    search = config.search
    at = rungs(search, config.training.epochs) if config.promotes else ()
    return Asha(at, search.promote_one_in, search.most_paused)
