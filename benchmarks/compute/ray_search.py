"""Searches with Ray Tune: ASHA with Optuna's TPE, on a local cluster.

Needs ``requirements-bench.txt``. Everything is on loopback: Ray would else take the network card's
address. There is no dashboard, and nothing is reported to anybody.
"""

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.compute.account import Account
from benchmarks.compute.optuna_search import ENDLESS, counted
from benchmarks.compute.trainings import Trainings
from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import FieldsharpError, TrainingFailed
from fieldsharp.sweep.configuration.presets import presets
from fieldsharp.sweep.configuration.ranges import Scalar, setting_path
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.engine.baseline_scoring import BaselineScoring
from fieldsharp.sweep.engine.preflight import run_preflight
from fieldsharp.sweep.study.epoch_report import reports_as_text, reports_from_text

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def is_installed() -> bool:
    """Return whether Ray Tune can be measured."""
    return find_spec("ray") is not None and find_spec("pyarrow") is not None


def search(
    seed: int, config: SweepConfig, trainings: Trainings, account: Account, folder: Path
) -> None:
    """Search with Ray Tune, one trial at a time.

    Raises:
        SearchEnded: Once the account says so; Ray has ended then.
    """
    for _ in counted(presets(config)[0].run(config), trainings, account):
        pass
    os.environ.update(ENVIRONMENT)
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    class Watch(tune.Stopper, tune.Callback):  # type: ignore[misc]
        """Counts reports and failures of trials; ends the search."""

        def __init__(self) -> None:
            self.numbers: dict[str, int] = {}
            self.fault = ""

        def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
            (report,) = reports_from_text(result["report"])
            number = self._number(trial_id)
            account.add(number, _run(config, result["config"]), report)
            return account.has_ended

        def stop_all(self) -> bool:
            return account.has_ended or bool(self.fault)

        def on_trial_error(self, *_: object, trial: Any, **__: object) -> None:
            error = Path(trial.error_file).read_text(encoding="utf-8")
            if TrainingFailed.__name__ not in error:  # not a training that diverged
                self.fault = error
                return
            account.add(self._number(trial.trial_id), _run(config, trial.config), None)

        def _number(self, trial_id: str) -> int:
            if trial_id not in self.numbers:
                self.numbers[trial_id] = account.begin()
            return self.numbers[trial_id]

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        logging_level="ERROR",
        log_to_driver=False,
        object_store_memory=100 * 2**20,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(folder / "ray"),
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([str(PROJECT), *sys.path])}},
    )
    watch = Watch()
    known = config.model_dump_json(), None if trainings.folder is None else str(trainings.folder)
    try:
        tune.Tuner(
            tune.with_resources(tune.with_parameters(_train, known=known), {"cpu": 1}),
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(
                    space=distributions(config.search), metric="score", mode="min", seed=seed
                ),
                scheduler=ASHAScheduler(
                    metric="score",
                    mode="min",
                    max_t=config.training.epochs,
                    grace_period=1,
                    reduction_factor=3,
                ),
                num_samples=ENDLESS,
                max_concurrent_trials=1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="bench",
                storage_path=str(folder / "results"),
                verbose=0,
                stop=watch,
                callbacks=[watch],
            ),
        ).fit()
    finally:
        ray.shutdown()
    if watch.fault:
        raise FieldsharpError(f"a trial failed in Ray: {watch.fault}")
    account.require_open()


def _train(parameters: dict[str, Scalar], known: tuple[str, str | None]) -> None:
    """Train a trial in a Ray process."""
    from ray import tune

    config, trainings, scoring = _loaded(*known)
    training = trainings.begin(_run(config, parameters))
    while not training.is_done:
        report = training.next_epoch()
        score = scoring.at_same_epoch(report)
        assert score is not None, "the baseline ended"
        tune.report({"score": score.total, "report": reports_as_text([report])})


@lru_cache(maxsize=1)
def _loaded(settings: str, folder: str | None) -> tuple[SweepConfig, Trainings, BaselineScoring]:
    config = SweepConfig.model_validate_json(settings)
    trainings = Trainings(config.run, None if folder is None else Path(folder))
    baseline = trainings.begin(presets(config)[0].run(config))
    while not baseline.is_done:
        baseline.next_epoch()
    scoring = BaselineScoring(config.objective, run_preflight(config).facts.targets)
    for report in baseline.reports:
        scoring.add_baseline(report)
    scoring.end_baseline()
    return config, trainings, scoring


def _run(config: SweepConfig, parameters: Mapping[str, Scalar]) -> RunSettings:
    return config.run_with({setting_path(name): value for name, value in parameters.items()})
