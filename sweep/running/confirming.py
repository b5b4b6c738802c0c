"""Confirming the best trials: new seeds, judged once on the test split, beside the baseline's."""

import logging
import time
from collections.abc import Callable, Sequence

import optuna
from optuna.study import Study

from fields.errors import StoppedOnRequest
from storage.database import open_database
from storage.study_lock import StudyLock
from sweep.running.confirmation_plan import make_plan
from sweep.running.coordinator import POLL_S, STOP_GRACE_S
from sweep.running.executor import EpochDone, Executor, TrialDone, TrialEvent, TrialFailed
from sweep.running.local_executor import LocalExecutor
from sweep.running.progress import describe
from sweep.running.stopping import Stopping
from sweep.running.trial import EpochReport
from sweep.study.confirmation import (
    Confirmation,
    ConfirmedRun,
    read_runs,
    write_confirmation,
    write_run,
)
from sweep.study.studies import load_study
from sweep.study.trial_spec import TrialSpec

logger = logging.getLogger(__name__)


def confirm_study(
    name: str,
    url: str,
    top: int,
    seeds: int,
    workers: int | None = None,
    make_executor: Callable[[int], Executor] = LocalExecutor,
) -> Confirmation:
    """Train the best configurations and the baseline with new seeds and judge them on the test.

    Every finished run is kept at once and not trained again by a later call; one that failed is.

    Args:
        name: Of the study.
        url: Address of its database.
        top: How many configurations, at most, beside the baseline.
        seeds: How many new seeds.
        workers: Trainings at a time; by default as configured.
        make_executor: From that number to what trains.

    Raises:
        BadInput: If the study is being run, has nothing to confirm, or its data is not there.
        StoppedOnRequest: If it was interrupted by SIGINT or SIGTERM.
        FieldsharpError: If the database fails, or the baseline with every seed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with Stopping() as stopping:
        try:
            load_study(open_database(url, "read"), name)  # leaves nothing behind if it is not there
            with StudyLock(url, name):
                study = load_study(open_database(url, "write"), name)
                plan = make_plan(study, url, top, seeds)
                executor = make_executor(workers or plan.config.workers.count)
                try:
                    confirming = Confirming(study, url, plan.specs(), executor)
                    stopping.ask = confirming.request_stop
                    confirming.run()
                finally:
                    executor.close()
                confirmation = plan.confirmation(read_runs(study, url))
                write_confirmation(study, url, confirmation)
                return confirmation
        except KeyboardInterrupt:
            raise StoppedOnRequest(
                "the confirmation was stopped before any training was started; run the same "
                "command again"
            ) from None


class Confirming:
    """Hands out the trainings that are missing and keeps what comes back.

    A spec's attempt tells the seeds of one trial apart.
    """

    def __init__(
        self,
        study: Study,
        url: str,
        specs: Sequence[TrialSpec],
        executor: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study = study
        self._url = url
        self._specs = specs
        self._executor = executor
        self._clock = clock
        self._running: dict[tuple[int, int], TrialSpec] = {}
        self._reports: dict[tuple[int, int], EpochReport] = {}
        self._stop_requests = 0
        self._done = 0

    def request_stop(self) -> None:
        """Ask for an orderly end; safe to call from a signal handler. Twice: at once."""
        self._stop_requests += 1

    def run(self) -> None:
        """Work until every training is done or has failed; what failed earlier is tried again.

        Raises:
            StoppedOnRequest: If it was told to stop.
        """
        kept = read_runs(self._study, self._url)
        done = {key for key, run in kept.items() if run.failure is None}
        missing = [s for s in self._specs if (s.number, s.run.training.seed) not in done]
        self._done = len(self._specs) - len(missing)
        logger.info(
            "%s: confirming on the test split, %d of %d trainings done",
            self._study.study_name,
            self._done,
            len(self._specs),
        )
        while not self._stop_requests:
            while missing and self._executor.free_slots:
                spec = missing.pop(0)
                self._running[spec.number, spec.attempt] = spec
                self._executor.submit(spec)
            if not self._running:
                return
            self._take_in(self._executor.poll(POLL_S))
        self._stop()

    def _take_in(self, events: list[TrialEvent]) -> None:
        for event in events:
            key = event.number, event.attempt
            spec = self._running.get(key)
            if spec is None:
                continue
            if isinstance(event, EpochDone):
                self._reports[key] = event.report
                continue
            del self._running[key]
            report = self._reports.pop(key, None)
            match event:
                case TrialDone():
                    self._keep(spec, _finished(spec, report, event))
                case TrialFailed() if not self._stop_requests:
                    # While stopping, perhaps only because the signal went to the whole group.
                    self._keep(spec, _failed(spec, event.reason))

    def _keep(self, spec: TrialSpec, run: ConfirmedRun) -> None:
        write_run(self._study, self._url, run)
        self._done += 1
        failed = run.judgement is None
        logger.log(
            logging.WARNING if failed else logging.INFO,
            "%s trial %d: confirming, seed %d %s | %d/%d | %s",
            self._study.study_name,
            run.trial,
            run.seed,
            f"failed, {run.failure}" if failed else _figures(run),
            self._done,
            len(self._specs),
            describe(spec),
        )

    def _stop(self) -> None:
        """Cancel what runs, taking in results that are already on their way."""
        name = self._study.study_name
        logger.warning("%s: stopping; once more ends it at once", name)
        for number in {number for number, _ in self._running}:
            self._executor.cancel(number)
        deadline = self._clock() + STOP_GRACE_S
        while self._running and self._stop_requests < 2 and self._clock() < deadline:
            self._take_in(self._executor.poll(POLL_S))
        raise StoppedOnRequest(
            f"the confirmation of study {name!r} was stopped with {self._done} of "
            f"{len(self._specs)} trainings done; run the same command again to go on"
        )


def _finished(spec: TrialSpec, report: EpochReport | None, end: TrialDone) -> ConfirmedRun:
    if report is None:
        return _failed(spec, "it ended without a single epoch")
    return ConfirmedRun(
        trial=spec.number,
        seed=spec.run.training.seed,
        judgement=report.judgement,
        seconds=end.seconds,
        device=end.device,
        precision=end.precision,
    )


def _failed(spec: TrialSpec, reason: str) -> ConfirmedRun:
    return ConfirmedRun(trial=spec.number, seed=spec.run.training.seed, failure=reason)


def _figures(run: ConfirmedRun) -> str:
    assert run.judgement is not None, "it did not fail"
    m = run.judgement.overall
    return f"done, gradient {m['gradient']:.4g}, peak {m['peak']:.4g}, rmse {m['rmse']:.4g}"
