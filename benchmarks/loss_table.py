"""Effect of each loss on the forecast: a training each, in one table.

    python -m benchmarks.loss_table CONFIG --rows variants|plan [--seeds N] [--json FILE]

``variants``: every loss variant at weight 1 on all leads, normalised on persistence (so weight 1
means as strong as the base loss). ``plan``: the original plan's rounds, at its raw weights. Every
row is trained on the same seeds as the baseline and judged on the validation split by the same
metrics and guards as a sweep; figures are means over seeds. Gradient, and peak above the observed
mean, are shares of the observed; RMSE is a share of the baseline's of the same seed.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import torch

from benchmarks.fields.results import Sharpness
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.model.registry import LOSS_VARIANTS, NO_TERM
from fieldsharp.objectives.guards import broken, check_guards
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.presets import BASELINE_PRESET, Preset, presets
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.trial import Trial


@dataclass(frozen=True)
class Row:
    """Metrics of one loss, means over seeds.

    Attributes:
        name: The loss.
        gradient: Share of the observed.
        peak: Share of the observed, above the observed mean.
        rmse: Share of the baseline's.
        power_small: Power over the observed at wavelengths below 4 cells, in dB.
        guards: Guards broken in any of the seeds.
        optimum: What theory says its optimum is.
    """

    name: str
    gradient: float
    peak: float
    rmse: float
    power_small: float
    guards: list[str]
    optimum: str


def rows(config: SweepConfig, kind: str, seeds: int) -> Iterator[Row]:
    """Train and yield the rows, the baseline first."""
    torch.set_num_threads(config.training.threads)
    data = load_forecast_data(config.data)
    judge = Evaluator(data, data.validation)
    baselines = [_train(config, BASELINE_PRESET, seed, data, judge) for seed in range(seeds)]
    yield _row("baseline", baselines, baselines, config, "the conditional mean")
    for preset, optimum in _losses(config, kind):
        judged = [_train(config, preset, seed, data, judge) for seed in range(seeds)]
        yield _row(preset.name, judged, baselines, config, optimum)


def _losses(config: SweepConfig, kind: str) -> list[tuple[Preset, str]]:
    if kind == "plan":
        return [
            (preset, LOSS_VARIANTS[str(preset.values["loss.variant"])].optimum)
            for preset in presets(config)[1:]
            if preset.name.startswith("plan")
        ]
    found = []
    for name, variant in LOSS_VARIANTS.items():
        values: dict[str, Scalar] = {
            "loss.variant": name,
            "loss.gradient_weight": 1.0,
            "loss.multi_step": "all",
        }
        if name != NO_TERM:
            found.append((Preset(name, values), variant.optimum))
    return found


def _train(
    config: SweepConfig, preset: Preset, seed: int, data: ForecastData, judge: Evaluator
) -> MetricValues:
    run = preset.run(config, {"training.seed": seed})
    trial = Trial(run, data, find_hardware(run.training), judge)
    *_, last = trial.epochs()
    return last.judgement


def _row(
    name: str,
    judged: Sequence[MetricValues],
    baselines: Sequence[MetricValues],
    config: SweepConfig,
    optimum: str,
) -> Row:
    overall = [judgement.overall for judgement in judged]
    shares = [Sharpness.of(metrics) for metrics in overall]
    wrong = [
        guard.name
        for judgement, baseline in zip(judged, baselines, strict=True)
        for guard in broken(check_guards(judgement, config.objective.guards, baseline))
    ]
    return Row(
        name=name,
        gradient=mean(share.gradient for share in shares),
        peak=mean(share.peak for share in shares),
        rmse=mean(
            m["rmse"] / baseline.overall["rmse"]
            for m, baseline in zip(overall, baselines, strict=True)
        ),
        power_small=mean(m["power_small"] for m in overall),
        guards=list(dict.fromkeys(wrong)),
        optimum=optimum,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loss_table")
    parser.add_argument("config", type=Path)
    parser.add_argument("--rows", choices=("variants", "plan"), required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    config = load_config(given.config, ["training.epochs=12", *given.set]).config
    print("| loss | gradient | peak | RMSE | small scales, dB | guards broken | optimum |")
    print("|---|---|---|---|---|---|---|")
    done = []
    for row in rows(config, given.rows, given.seeds):
        done.append(asdict(row))
        print(
            f"| {row.name} | {row.gradient:.2f} | {row.peak:.2f} | {row.rmse:.3f} | "
            f"{row.power_small:+.1f} | {', '.join(row.guards) or '-'} | {row.optimum} |",
            flush=True,
        )
    if given.json is not None:
        given.json.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
