"""A study of three candidates to confirm, and trainings of it in this process."""

import signal
from pathlib import Path

from optuna.study import Study
from optuna.trial import create_trial

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.device import find_hardware
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.baseline_start import starting_from
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.confirm import confirm_study
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.study.confirmation.records import Confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.epoch_report import EpochReport
from fieldsharp.sweep.study.lookup import open_or_create_study
from fieldsharp.sweep.study.trial_events import (
    EpochDone,
    TrialCancelled,
    TrialDone,
    TrialEvent,
    TrialFailed,
)
from fieldsharp.sweep.study.trial_spec import Part, TrialSpec
from fieldsharp.sweep.trials.baseline_weights import baseline_training, weights_of
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial
from tests.sweep.empty_record import empty_record, sharpened_by
from tests.sweep.wide_guards import WIDE

# What each trial of the study trains: variant, weight, seed, score, and whether it is feasible.
BASE, SORTED, AGAIN, NOISY, GRADIENT, LAST = range(6)
TRIALS = (
    ("none", 0.0, 0, 0.5, False),
    ("sorted", 1.0, 0, 0.2, True),
    ("sorted", 1.0, 9, 0.3, True),
    ("laplacian", 0.2, 0, 0.1, False),
    ("gradient", 0.2, 0, 0.3, True),
    ("gradient", 0.1, 0, 0.4, True),
)


class Trainings:
    """Real trainings, each done once: the same settings give the same numbers."""

    def __init__(self, data: ForecastData) -> None:
        self.data = data
        self._done: dict[str, list[EpochReport]] = {}

    def reports(self, spec: TrialSpec) -> list[EpochReport]:
        # The file may lie elsewhere in one test, and is the same.
        run = spec.run
        key = f"{spec.preset} {spec.judged_on} {run.loss} {run.training} {run.sharpening}"
        if key not in self._done:
            trial = Trial(
                spec.run,
                self.data,
                find_hardware(spec.run.training),
                Evaluator(self.data, self.data.part(spec.judged_on)),
                judged_every_epoch=spec.judged_every_epoch,
                sharpening=SharpeningPlan.for_trial(spec),
                with_frontier=spec.is_baseline,
            )
            if trial.needs_weights:
                first = baseline_training(run, self.data, trial.hardware)
                list(first.epochs())
                trial.start_from(weights_of(first))
            self._done[key] = list(trial.epochs())
        return self._done[key]


class Executor:
    """Trains in this process, one training at a poll.

    Args:
        trainings: What does it.
        failing: Trial and seed of the trainings that fail.
        signal_at: Before which poll SIGTERM comes.
    """

    def __init__(
        self,
        trainings: Trainings,
        failing: frozenset[tuple[int, int]] = frozenset(),
        signal_at: int | None = None,
    ) -> None:
        self._trainings = trainings
        self._failing = failing
        self._signal_at = signal_at
        self._polls = 0
        self._waiting: list[TrialSpec] = []
        self._paused: set[int] = set()
        self._trials: dict[int, int] = {}
        self.submitted: list[TrialSpec] = []
        self.closed = False

    @property
    def free_slots(self) -> int:
        return 2 - len(self._waiting)

    def submit(self, spec: TrialSpec, checkpoints: Path | None = None) -> None:
        assert checkpoints is not None
        trial = int(checkpoints.parent.name)
        self._trials[spec.number] = trial
        self._waiting.append(spec)
        self.submitted.append(spec.model_copy(update={"number": trial}))

    def poll(self, timeout_s: float) -> list[TrialEvent]:
        self._polls += 1
        if self._polls == self._signal_at:
            signal.raise_signal(signal.SIGTERM)
            return []
        spec = self._waiting.pop(0)
        number, attempt, seed = spec.number, spec.attempt, spec.run.training.seed
        if number in self._paused:
            return [TrialCancelled(number, attempt)]
        if (self._trials[number], seed) in self._failing:
            return [TrialFailed(number, attempt, "the training diverged")]
        reports = self._trainings.reports(spec)
        events: list[TrialEvent] = [EpochDone(number, attempt, report) for report in reports]
        return [*events, TrialDone(number, attempt, 0.5, 9.0, "cpu", "float32")]

    def pause(self, number: int) -> None:
        self._paused.add(number)

    def cancel(self, number: int) -> None:
        raise AssertionError("nothing is pruned here")

    def kill(self, number: int) -> None:
        self._waiting = [spec for spec in self._waiting if spec.number != number]

    def close(self) -> None:
        self.closed = True

    @property
    def trained(self) -> list[tuple[int, int]]:
        """Trial and seed of what was compared."""
        return self._done("validation")

    @property
    def tested(self) -> list[tuple[int, int]]:
        return self._done("test")

    def _done(self, part: Part) -> list[tuple[int, int]]:
        of_part = (spec for spec in self.submitted if spec.judged_on == part)
        return [(spec.number, spec.run.training.seed) for spec in of_part]


def add_trial(
    study: Study,
    config: SweepConfig,
    which: tuple[str, float, int, float, bool],
    sharpener: str | None = None,
    *,
    goes_on: bool = False,
) -> None:
    """Add a complete trial.

    Args:
        study: Given the trial.
        config: Of the study.
        which: What it trains, and its outcome.
        sharpener: It is judged with; None as an earlier version left it.
        goes_on: Whether it goes on from the weights of the baseline.
    """
    variant, weight, seed, score, ok = which
    values: dict[str, Scalar] = {
        "loss.variant": variant,
        "loss.gradient_weight": weight,
        "loss.multi_step": "last",
        "training.seed": seed,
    }
    preset = BASELINE if variant == "none" else None
    number = len(study.get_trials(deepcopy=False))
    spec = TrialSpec(number=number, preset=preset, run=config.run_with(values))
    if goes_on:
        run = config.run_with({**values, "training.start": "baseline"})
        none: dict[str, Scalar] = {
            "loss.variant": "none",
            "loss.gradient_weight": 0.0,
            "training.seed": 0,
        }
        first = config.run_with({**values, **none})
        spec = TrialSpec(number=number, run=starting_from(run, first), starts_with=BASE)
    record = empty_record(score)
    if sharpener is not None:
        record = record.model_copy(update={"sharpening": sharpened_by(sharpener)})
    attributes = {
        "spec": spec.model_dump(mode="json"),
        "record": record.model_dump(mode="json"),
        "preset": preset,
        "score": score,
    }
    constraints = {"rmse": -0.1 if ok else 0.1}
    study.add_trial(create_trial(value=score, user_attrs=attributes, constraints=constraints))


def study_to_confirm(
    url: str,
    config: SweepConfig,
    facts: DataSummary,
    path: Path | None = None,
    sharpeners: dict[int, str] | None = None,
    **guards: float,
) -> Study:
    """A study with the trials above; guards are wide but for those that are given.

    Args:
        url: Address of its database.
        config: Of the study.
        facts: Of the study.
        path: Of the data file; by default as configured.
        sharpeners: By trial; those left out are as an earlier version left them.
        guards: Limits by name.
    """
    tree = config.model_dump()
    tree["objective"]["guards"] = {**WIDE, **guards}
    if path is not None:
        tree["data"]["path"] = str(path)
    config = SweepConfig.model_validate(tree)
    study = open_or_create_study(open_database(url, "write"), config, facts)
    for number, which in enumerate(TRIALS):
        add_trial(study, config, which, (sharpeners or {}).get(number))
    return study


def confirm(
    url: str, executor: Executor, top: int = 2, seeds: int = 2, workers: int | None = None
) -> Confirmation:
    machines = ExecutorPlan(2, lambda _folder: executor)
    return confirm_study("tiny", url, top, seeds, workers, lambda _config: machines)
