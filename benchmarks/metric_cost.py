"""Cost of metrics and guards as a share of a training epoch, by default of the quickstart.

    python -m benchmarks.metric_cost [CONFIG] [--epochs N]

Epochs are trained as a trial trains them. After each, the same forecasts are judged again from
memory, so that what is timed is metrics and guards alone, without the network; both are timed in
turn in one process, and medians are compared. The metrics of detail are taken after the last epoch
of a trial only; their cost is given as a share of the whole trial.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.objectives.guards import check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial

QUICKSTART = PROJECT / "configs" / "quickstart.yaml"


@dataclass(frozen=True)
class Cost:
    """Medians over epochs, in seconds.

    Attributes:
        epoch_s: An epoch as a trial runs it, metrics included.
        metrics_s: Metrics and guards after each epoch.
        detail_s: All metrics, as after the last epoch.
        epochs: Epochs of a whole trial.
    """

    epoch_s: float
    metrics_s: float
    detail_s: float
    epochs: int

    @property
    def share_of_an_epoch(self) -> float:
        """Metrics and guards over the epoch."""
        return self.metrics_s / self.epoch_s

    @property
    def share_of_a_trial(self) -> float:
        """All metrics of a trial over its length, detail after the last epoch included."""
        judged = self.metrics_s * (self.epochs - 1) + self.detail_s
        return judged / (self.epoch_s * self.epochs + self.detail_s - self.metrics_s)


def measure(config: SweepConfig, epochs: int) -> Cost:
    """Train some epochs and time their metrics."""
    torch.set_num_threads(config.training.threads)
    data = load_forecast_data(config.data)
    judge = Evaluator(data, data.validation)
    trial = Trial(config.run, data, find_hardware(config.training), judge)
    epoch_s, metrics_s, detail_s = [], [], []
    for report in trial.epochs():
        epoch_s.append(report.seconds)
        with torch.no_grad():
            forecasts = [trial.predictor(h) for h, _ in data.validation.in_order(judge.batch)]
        metrics_s.append(_seconds(judge, forecasts, config, report.judgement, detail=False))
        detail_s.append(_seconds(judge, forecasts, config, report.judgement, detail=True))
        if report.epoch + 1 == epochs:
            break
    # The first epoch also computes statistics of the truth, which are cached.
    kept = slice(1, None) if len(epoch_s) > 1 else slice(None)
    return Cost(
        statistics.median(epoch_s[kept]),
        statistics.median(metrics_s[kept]),
        statistics.median(detail_s[kept]),
        config.training.epochs,
    )


def _seconds(
    judge: Evaluator,
    forecasts: Sequence[torch.Tensor],
    config: SweepConfig,
    baseline: MetricValues,
    *,
    detail: bool,
) -> float:
    remembered: Iterator[torch.Tensor] = iter(forecasts)
    started = time.perf_counter()
    judgement = judge.evaluate(lambda _: next(remembered), detail=detail)
    check_guards(judgement, config.objective.guards, baseline)
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metric_cost")
    parser.add_argument("config", type=Path, nargs="?", default=QUICKSTART)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    cost = measure(
        load_config(given.config, ["training.epochs=12", *given.set]).config, given.epochs
    )
    print(f"epoch {cost.epoch_s * 1e3:.0f} ms")
    print(f"metrics and guards {cost.metrics_s * 1e3:.1f} ms, {cost.share_of_an_epoch:.1%} of it")
    print(f"all metrics {cost.detail_s * 1e3:.1f} ms, once a trial")
    print(f"judging is {cost.share_of_a_trial:.1%} of a trial of {cost.epochs} epochs")


if __name__ == "__main__":
    main()
