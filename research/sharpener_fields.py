"""On which forecasts a sharpener is best fitted, and variants of the shipped ones, on four fields.

    python -m research.sharpener_fields FOLDER [--out FILE] [--fields ...] [--nets ...] [--seeds N]
        [--forecasts FOLDER] [--set KEY=VALUE ...] [--tables]

FOLDER holds the fields that are not shipped (``research.forecast_fields``); one that is not there
is skipped. For each field, a baseline and nets with sharpening losses are trained twice: on all
training windows, and without the last 18 % of them (``short``; between both lies a gap of a window,
where the series is long enough for it). Every sharpener is fitted

- ``spread``: on 15 % of the training windows of the whole net, as sweeps do,
- ``all``: on all training windows of the whole net,
- ``held out``: on the held-out forecasts of the short net, and applied to the short net,
- ``transferred``: on the same, and applied to the whole net,
- ``validation``: on the validation forecasts of the whole net, by which it is then chosen too,
- ``short``: on 15 % of the short net's training windows, and applied to the short net,

and judged on the validation and on the test split, against the whole baseline as it is. Variants
(``research.sharpener_variants``) are fitted as ``spread`` and judged on the test split. The file
gets a line for each net and seed; a second run trains only what it lacks. ``--tables`` prints the
tables of what is there.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Literal, get_args

import torch

from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.forecast_data import ForecastData, load_forecast_data
from fieldsharp.fields.windows import Windows
from fieldsharp.model.registry import NO_SHARPENER, SHARPENERS
from fieldsharp.model.sharpeners.fitted import FittedSharpener
from fieldsharp.model.sharpeners.interface import NotFittedError
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.sharpened import JudgedForecast, judge
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.trials.evaluator import Evaluator, batch_size, in_physical_units
from fieldsharp.sweep.trials.sharpening import (
    SharpeningPlan,
    TrainingForecasts,
    fit_sharpeners,
    region_of,
    training_forecasts,
)
from research.forecast_fields import WINDOWS, KnownForecasts, field_config, without_block
from research.sharpener_variants import VARIANTS

RESULTS = PROJECT / "research" / "results" / "sharpener_fields.jsonl"
NETS = {
    "baseline": ("none", 0.0),
    "sorted": ("sorted", 1.0),
    "amse_mix": ("amse_mix", 1.0),
    "sorted_gradients": ("sorted_gradients", 1.0),
}
"""Loss variant and weight."""
Split = Literal["validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
WAYS = ("spread", "all", "held out", "transferred", "validation", "short")
CHOSEN = "auto"
DIGITS = 4


@dataclass(frozen=True)
class Sharpened:
    """A forecast under a sharpener on one split, or as it is.

    Attributes:
        way: On which forecasts it was fitted; "" for the whole net as it is.
        sharpener: Its name, or none.
        gradient, peak: Shares of the observed, the peak above the observed mean.
        rmse: Over the baseline's.
        fss_90, csi_99, gradient_correlation: As in the metrics.
        broken: Guards broken, with those of the forecast as it is.
    """

    split: str
    way: str
    sharpener: str
    score: float
    gradient: float
    peak: float
    rmse: float
    fss_90: float
    csi_99: float
    gradient_correlation: float
    broken: list[str]

    @classmethod
    def of(
        cls, judged: JudgedForecast, baseline: MetricValues, split: str, way: str, name: str
    ) -> "Sharpened":
        """Return what is kept of a judged forecast."""
        values = judged.values.overall
        above = values["peak_observed"] - values["mean_observed"]
        figures = {
            "score": judged.score.total,
            "gradient": values["gradient"] / values["gradient_observed"],
            "peak": (values["peak"] - values["mean_observed"]) / above,
            "rmse": judged.error / baseline.overall["rmse"],
            **{kept: values[kept] for kept in ("fss_90", "csi_99", "gradient_correlation")},
        }
        rounded = {kept: round(value, DIGITS) for kept, value in figures.items()}
        broken = [guard.name for guard in judged.guards if not guard.ok]
        return cls(split, way, name, **rounded, broken=broken)


@dataclass(frozen=True)
class Line:
    """All that was measured of one net with one seed."""

    field: str
    net: str
    seed: int
    forecasts: list[Sharpened]

    def as_json(self) -> str:
        """Return a line of the file: of each forecast the values alone."""
        rows = [astuple(one) for one in self.forecasts]
        plain = {"field": self.field, "net": self.net, "seed": self.seed, "forecasts": rows}
        return json.dumps(plain, separators=(",", ":"))


class Field:
    """A field with the metrics of its baselines."""

    def __init__(self, name: str, config: SweepConfig, forecasts: Path | None) -> None:
        self.name = name
        self.config = config
        self.data = load_forecast_data(config.data)
        self.short, self.held_out = without_block(self.data)
        self._evaluators: dict[Split, Evaluator] = {
            split: Evaluator(self.data, self.data.part(split)) for split in SPLITS
        }
        self._forecasts = forecasts
        self._nets: dict[tuple[str, int, bool], KnownForecasts] = {}
        self._baselines: dict[int, dict[Split, MetricValues]] = {}

    def measure(self, net: str, seed: int) -> Line:
        """Train a net on the whole and on the short training part, and judge its sharpeners."""
        whole, short = self._net(net, seed, is_short=False), self._net(net, seed, is_short=True)
        region = region_of(self.data)
        spread = training_forecasts(self.data, whole, seed)
        ways = {
            "spread": spread,
            "all": forecasts_of(whole, self.data, self.data.train),
            "transferred": forecasts_of(short, self.data, self.held_out),
            "validation": forecasts_of(whole, self.data, self.data.validation),
        }
        of_whole = {(way, name): s for way, made in ways.items() for name, s in self._fit(made)}
        for name, make in VARIANTS.items():
            variant = make(region)
            try:
                found = variant.fit(spread.pred_BTCHW, spread.target_BTCHW)
            except NotFittedError:
                continue
            of_whole["spread", name] = FittedSharpener(name, variant, found, region.mask_HW)
        own = training_forecasts(self.short, short, seed)
        of_short = {("short", name): s for name, s in self._fit(own)}
        of_short |= {("held out", name): s for name, s in self._fit(ways["transferred"])}
        judged = [*self._judge(whole, seed, of_whole), *self._judge(short, seed, of_short, "short")]
        return Line(self.name, net, seed, judged)

    def _net(self, net: str, seed: int, *, is_short: bool) -> KnownForecasts:
        key = (net, seed, is_short)
        if key not in self._nets:
            self._nets[key] = self._trained(net, seed, is_short=is_short)
        return self._nets[key]

    def _trained(self, net: str, seed: int, *, is_short: bool) -> KnownForecasts:
        variant, weight = NETS[net]
        run = self.config.run_with(
            {
                "loss.variant": variant,
                "loss.gradient_weight": weight,
                "loss.peak_weight": 0.0,
                "loss.multi_step": "all",
                "loss.normalise": "persistence",
                "training.seed": seed,
            }
        )
        part = "short" if is_short else "whole"
        file = self._forecasts and self._forecasts / f"{self.name}-{net}-{seed}-{part}.npz"
        data = self.short if is_short else self.data
        return KnownForecasts.of(run, data, [self.held_out], file)

    def _fit(self, forecasts: TrainingForecasts) -> Iterator[tuple[str, FittedSharpener]]:
        plan = SharpeningPlan(tuple(SHARPENERS))
        yield from fit_sharpeners(plan, self.data, forecasts).items()

    def _judge(
        self,
        net: KnownForecasts,
        seed: int,
        sharpeners: dict[tuple[str, str], FittedSharpener],
        as_it_is: str = "",
    ) -> Iterator[Sharpened]:
        by_key = {f"{way}|{name}": fitted for (way, name), fitted in sharpeners.items()}
        for split in SPLITS:
            found = self._evaluators[split].evaluate_sharpened(
                net,
                {
                    key: fitted
                    for key, fitted in by_key.items()
                    if split == "test" or fitted.name not in VARIANTS
                },
            )
            baseline = self._baseline(seed)[split]
            targets = resolve_targets(self.config.objective, baseline.overall)
            judged = judge(found, NO_SHARPENER, self.config.objective, targets, baseline)
            for one in judged:
                way, _, name = one.sharpener.partition("|")
                if not name:
                    way, name = as_it_is, way
                yield Sharpened.of(one, baseline, split, way, name)

    def _baseline(self, seed: int) -> dict[Split, MetricValues]:
        if seed not in self._baselines:
            net = self._net("baseline", seed, is_short=False)
            self._baselines[seed] = {s: e.evaluate(net) for s, e in self._evaluators.items()}
        return self._baselines[seed]


def forecasts_of(net: KnownForecasts, data: ForecastData, windows: Windows) -> TrainingForecasts:
    """Return the forecasts of a net for windows, and what was observed; physical units."""
    pred, target = [], []
    for history_BTCHW, future_BTCHW in windows.in_order(batch_size(windows)):
        pred.append(in_physical_units(data, net(history_BTCHW)))
        target.append(in_physical_units(data, future_BTCHW))
    return TrainingForecasts(torch.cat(pred), torch.cat(target))


def read_lines(file: Path) -> list[Line]:
    """Return what a file holds, nothing where there is none."""
    if not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Line(**{**line, "forecasts": [Sharpened(*one) for one in line["forecasts"]]})
        for line in lines
    ]


def with_chosen(line: Line) -> list[Sharpened]:
    """Return the forecasts of a line, and for each way the best one by the name ``auto``.

    It has the lowest score on the validation split of those that break no guard, the net as it is
    among them.
    """
    result = list(line.forecasts)
    for way in WAYS:
        plain = "short" if way in ("held out", "short") else ""
        open_to = [
            one
            for one in line.forecasts
            if (one.way == way and one.sharpener in SHARPENERS)
            or (one.way == plain and one.sharpener == NO_SHARPENER)
        ]
        on_validation = [one for one in open_to if one.split == "validation"]
        best = min(on_validation, key=lambda one: (len(one.broken), one.score))
        result += [
            replace(one, way=way, sharpener=CHOSEN)
            for one in open_to
            if (one.way, one.sharpener) == (best.way, best.sharpener)
        ]
    return result


Kept = dict[tuple[str, str, str], list[Sharpened]]
"""By field, way and sharpener; test split."""


def tables(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the lines of three tables: scores by sharpener and way, by field and way, of variants.

    Means over nets and seeds, then over fields.
    """
    kept: Kept = defaultdict(list)
    for line in lines:
        for one in with_chosen(line):
            if one.split == "test":
                kept[line.field, one.way, one.sharpener].append(one)
    fields = list(dict.fromkeys(line.field for line in lines))
    yield from _heading(["sharpener", *WAYS])
    for name in (NO_SHARPENER, *SHARPENERS, CHOSEN):
        cells = []
        for way in WAYS:
            net = "short" if way in ("held out", "short") else ""
            scores = _scores(kept, fields, net if name == NO_SHARPENER else way, name)
            cells.append(f"{mean(scores):.3f}" if scores else "-")
        yield _row([name, *cells])
    yield ""
    head = ["mean", "gradient", "peak", "RMSE", "no guard broken"]
    yield from _heading([f"{CHOSEN}, fitted on", *fields, *head])
    yield _row(["whole net as it is", *_cells(kept, fields, "", NO_SHARPENER)])
    yield _row(["short net as it is", *_cells(kept, fields, "short", NO_SHARPENER)])
    for way in WAYS:
        yield _row([way, *_cells(kept, fields, way, CHOSEN)])
    yield ""
    yield from _heading(["variant", *fields, *head])
    for name in sorted((*SHARPENERS, *VARIANTS), key=lambda name: re.split(r"[ ,]", name)[0]):
        yield _row([name, *_cells(kept, fields, "spread", name)])


def _scores(kept: Kept, fields: Sequence[str], way: str, name: str) -> list[float]:
    """Return the mean score of each field that has one."""
    found = [kept[field, way, name] for field in fields if kept.get((field, way, name))]
    return [mean(one.score for one in of_field) for of_field in found]


def _cells(kept: Kept, fields: Sequence[str], way: str, name: str) -> Iterator[str]:
    for field in fields:
        scores = _scores(kept, [field], way, name)
        yield f"{scores[0]:.3f}" if scores else "-"
    every = [one for field in fields for one in kept.get((field, way, name), [])]
    yield f"{mean(_scores(kept, fields, way, name)):.3f}"
    yield f"{mean(one.gradient for one in every):.2f}"
    yield f"{mean(one.peak for one in every):.2f}"
    yield f"{mean(one.rmse for one in every):.3f}"
    yield f"{sum(not one.broken for one in every)} of {len(every)}"


def _heading(cells: Sequence[str]) -> Iterator[str]:
    yield _row(cells)
    yield "|---" * len(cells) + "|"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the file lacks, then print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fields", nargs="+", choices=WINDOWS, default=list(WINDOWS))
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--forecasts", type=Path, help="keep forecasts of trained nets here")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    lines = read_lines(options.out)
    done = {(line.field, line.net, line.seed) for line in lines}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for name in () if options.tables else options.fields:
        keys = [(name, net, seed) for seed in range(options.seeds) for net in options.nets]
        left = [key for key in keys if key not in done]
        if not left:
            continue
        try:
            field = Field(
                name, field_config(name, options.folder, options.changes), options.forecasts
            )
        except FileNotFoundError as error:
            print(f"{name} is skipped: {error}")
            continue
        for _, net, seed in left:
            lines.append(field.measure(net, seed))
            with options.out.open("a", encoding="utf-8") as out:
                out.write(lines[-1].as_json() + "\n")
            print(f"{name}, {net}, seed {seed}", flush=True)
    if lines:
        print("\n".join(tables(lines)))


if __name__ == "__main__":
    main()
