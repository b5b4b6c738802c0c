"""CPU time of each part of an epoch, by default of the quickstart.

    python -m benchmarks.epoch_profile [CONFIG] [--epochs N] [--set KEY=VALUE]

Epochs are trained as a trial trains them, on one thread, with the Sobel term on all leads. CPU time
of the thread is taken, not wall time, so that other work on the machine disturbs less; each part is
its median over the epochs but the first. The backward pass is what is left of the training, so the
few calls between the parts are in it. For predictors on a CPU that are called for their forecast:
not the ensemble, whose members are drawn in another way.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import load_forecast_data
from fieldsharp.model.checkpoint import Checkpoint, encode
from fieldsharp.model.device import find_hardware
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial

QUICKSTART = PROJECT / "configs" / "quickstart.yaml"
TERM = ["loss.variant=sobel", "loss.gradient_weight=1.0", "loss.multi_step=all"]
TRAINING = ("windows", "forward", "loss", "clipping and AdamW", "backward")
VERIFICATION = ("forecasts verified", "metrics")
CHECKPOINT = "checkpoint, without the disk"
PARTS = (*TRAINING, *VERIFICATION, CHECKPOINT)


class Clock:
    """CPU seconds spent in each part of an epoch."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, timed as this part."""

        def run(*args: Any, **kwargs: Any) -> Any:
            started = time.thread_time()
            result = work(*args, **kwargs)
            self.seconds[part] += time.thread_time() - started
            return result

        return run


def measure(config: SweepConfig, epochs: int) -> list[dict[str, float]]:
    """Return the CPU seconds of each part, for each epoch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    clock = Clock()
    data = load_forecast_data(config.data)
    judge = Evaluator(data, data.validation)
    trial = Trial(config.run, data, find_hardware(config.training), judge)
    trainer, optimizer = trial.trainer, trial.trainer.optimizer
    forecast = trial.predictor.forward
    order = torch.randperm(len(data.train))
    # Replaces functions that the trainer calls; the trainer is otherwise unchanged.
    setattr(trainer, "loss", clock.timed("loss", trainer.loss))  # noqa: B010
    setattr(optimizer, "step", clock.timed("clipping and AdamW", optimizer.step))  # noqa: B010
    found = []
    try:
        train = trainer.epochs()
        for _ in range(epochs):
            clock.seconds.clear()
            setattr(trial.predictor, "forward", clock.timed("forward", forecast))  # noqa: B010
            clock.timed("training", next)(train)
            for which in torch.split(order, config.training.batch_size):
                clock.timed("windows", data.train.take)(which)
            verified = clock.timed("forecasts verified", forecast)
            setattr(trial.predictor, "forward", verified)  # noqa: B010
            clock.timed("verification", judge.evaluate)(trial.predictor, detail=False)
            state = Checkpoint("", trial.state(), "[]", 0.0)
            clock.timed(CHECKPOINT, encode)(state)
            found.append(_parts(clock.seconds))
    finally:
        torch.set_num_threads(threads)
    return found


def _parts(seconds: dict[str, float]) -> dict[str, float]:
    rest = {
        "backward": seconds["training"] - sum(seconds[part] for part in TRAINING[:-1]),
        "metrics": seconds["verification"] - seconds["forecasts verified"],
    }
    return {part: rest[part] if part in rest else seconds[part] for part in PARTS}


def table(found: Sequence[dict[str, float]]) -> str:
    """Return the medians as aligned text, with the share of each part."""
    # The first epoch chooses kernels, fills caches and computes statistics of the truth.
    kept = found[1:] or found
    medians = {part: median(epoch[part] for epoch in kept) for part in PARTS}
    total = sum(medians.values())
    rows = [*medians.items(), ("epoch", total)]
    width = max(map(len, PARTS))
    return "\n".join(f"{p.ljust(width)}  {s * 1e3:7.1f} ms  {s / total:6.1%}" for p, s in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.epoch_profile")
    parser.add_argument("config", type=Path, nargs="?", default=QUICKSTART)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    settings = [*TERM, f"training.epochs={given.epochs}", *given.set]
    config = load_config(given.config, settings).config
    print(table(measure(config, config.training.epochs)))


if __name__ == "__main__":
    main()
