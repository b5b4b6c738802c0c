"""The paused trials of a study: stored, promoted by the rung rule, or given up."""

from collections.abc import Collection

from fieldsharp.sweep.configuration.space import possible_rungs
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.rung_rule import make_rung_rule
from fieldsharp.sweep.engine.running_trial import RunningTrial, trial_preview
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.rung_results import RungResult
from fieldsharp.sweep.study.trial_records import TrialRecord
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict_inputs import may_sharpen


class PausedTrials:
    """Pauses trials at rungs and goes on with them.

    Never paused are the baseline, and trials that go on from its weights.

    Args:
        repository: Of the study.
        files: Of the study, next to the database.
        scoring: Against the baseline.
    """

    def __init__(
        self, repository: StudyRepository, files: StudyWorkspace, scoring: BaselineScoring
    ) -> None:
        self._repository = repository
        self._files = files
        self._scoring = scoring
        self._rule = make_rung_rule(repository.config)
        self._paused: dict[int, tuple[RunningTrial, TrialRecord]] = {}

    def fix_length(self) -> None:
        """Take the rungs of the length that was found: no trial was at one before."""
        self._rule = make_rung_rule(self._repository.config)
        for rung in self._rule.rungs:
            self._add_baseline(rung)

    def prepare(self) -> None:
        """Read the results and the paused trials of an earlier coordinator."""
        if not self._rule.rungs:
            return
        for rung in self._rule.rungs:
            self._add_baseline(rung)
        for number, results in self._repository.rungs().items():
            for result in results:
                self._rule.add_result(number, result)
        for spec, record in self._repository.paused():
            self._paused[spec.number] = RunningTrial(spec), record
            self._rule.pause(spec.number, record.epochs)

    @property
    def count(self) -> int:
        """How many trials are paused."""
        return len(self._paused)

    @property
    def rungs(self) -> tuple[int, ...]:
        """The numbers of epochs after which trials are compared, or may be."""
        config = self._repository.config
        return self._rule.rungs if config.training.length == "fixed" else possible_rungs(config)

    def until(self, spec: TrialSpec, trained: int) -> int | None:
        """Return the epochs after which a trial is handed back, None for its end.

        Args:
            spec: The trial.
            trained: Epochs in its checkpoint; at a rung the trial is handed back once more.
        """
        if spec.is_baseline or spec.starts_from_baseline:
            return None
        if trained in self._rule.rungs:
            return trained
        return self._rule.next_rung(spec.number, spec.run.training.epochs)

    def is_at_rung(self, running: RunningTrial) -> bool:
        """Return whether the last report of a trial that was handed back is that of a rung."""
        return len(running.reports) in self._rule.rungs

    def result(self, running: RunningTrial, report: EpochReport) -> RungResult | None:
        """Return the result of a trial after an epoch, and count it; None if no rung is there."""
        number, epochs = running.spec.number, report.epoch + 1
        is_rung = epochs in self._rule.rungs
        has_no_rungs = running.is_baseline or running.spec.starts_from_baseline
        if has_no_rungs or not is_rung or self._rule.has_result(number, epochs):
            return None
        run = running.spec.run
        result = self._scoring.at_rung(
            report, run.training.epochs, run.sharpening.name, sharpens=may_sharpen(run)
        )
        self._rule.add_result(number, result)
        self._add_baseline(epochs)
        return result

    def promotes(self, trial: RunningTrial, running: Collection[int], new: int) -> bool:
        """Return whether a trial at a rung goes on at once.

        Args:
            trial: At the rung.
            running: The trials in training.
            new: Trials that are still to be started.
        """
        return self._rule.promotes(trial.spec.number, len(trial.reports), running, new)

    def pause(self, running: RunningTrial) -> TrialRecord:
        """Pause a trial at its rung, and return its record."""
        number, epochs = running.spec.number, len(running.reports)
        end = running.early_end()
        record = self._scoring.record(running, end)
        pictures = self._files.save_preview(number, trial_preview(running, end, record))
        self._repository.pause(number, epochs, record, pictures)
        self._files.keep_last_checkpoint(number)
        self._rule.pause(number, epochs)
        self._paused[number] = running, record
        return record

    def next_promoted(self, running: Collection[int], new: int) -> int | None:
        """Return a paused trial that goes on now, None if there is none."""
        return self._rule.next_promoted(running, new)

    def resume(self, number: int) -> RunningTrial:
        """Return a paused trial as a running one.

        Raises:
            TrialRefusedError: If another program ended it; it is not paused any more.
        """
        running, _ = self._paused.pop(number)
        self._rule.remove(number)
        running.spec = self._repository.resume_paused(number)
        return running

    def give_up(
        self, running: Collection[int], new: int, *, all_of_them: bool
    ) -> list[tuple[TrialSpec, TrialRecord]]:
        """End the paused trials that cannot go on any more, and return them.

        Args:
            running: The trials in training.
            new: Trials that are still to be started.
            all_of_them: Whether no trial goes on any more.
        """
        ended = []
        for number in list(self._paused) if all_of_them else self._rule.hopeless(running, new):
            self._repository.prune_paused(number)
            self._rule.remove(number)
            trial, record = self._paused.pop(number)
            ended.append((trial.spec, record))
        return ended

    def _add_baseline(self, rung: int) -> None:
        config = self._repository.config
        name = config.sharpening.name
        result = self._scoring.baseline_at_rung(rung, config.training.epochs, name)
        if result is not None:
            self._rule.add_baseline(result)
