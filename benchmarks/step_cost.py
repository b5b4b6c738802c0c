"""Cost of a training step: milliseconds, and speed relative to a large matrix product.

    python -m benchmarks.step_cost [--repeats N] [--json FILE]

A step is forward, loss (mean square error and Sobel term on all leads), backward, clipping to norm
1 and fused AdamW, as ``model.training`` takes it. Every case is timed in turn with a 1024 x 1024
float32 matrix product (matmul, step, matmul, step, ...), so that a machine that is shared or
changes its clock slows both; medians are compared.

FLOPs are those of the forward pass as counted by ``torch.utils.flop_counter`` (its convolutions),
times 3 for a training step, the usual convention: the backward pass is two products the size of
the forward one. The backward pass is not counted itself, because the counter over-counts the
backward of depthwise convolutions (SimVP). On a CPU one thread is used, and the share is of the
float32 product whatever the precision of the step. On a CUDA device there, the same is measured
with synchronisation around every timing.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fieldsharp.model.losses.forecast_loss import ForecastLoss
from fieldsharp.model.predictors.factory import build_predictor
from fieldsharp.model.predictors.interface import ForecastShape
from fieldsharp.model.registry import NETS
from fieldsharp.model.settings import LossSettings, PredictorSettings

MATMUL_SIDE = 1024
MATMUL_FLOPS = 2 * MATMUL_SIDE**3
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Size:
    """Grid, frames of a window, and windows of a batch."""

    name: str
    batch: int
    shape: ForecastShape


SIZES = (
    Size("quickstart 8x4>3x22x28", 8, ForecastShape(4, 3, 1, 22, 28)),
    Size("large 4x5>5x64x64", 4, ForecastShape(5, 5, 1, 64, 64)),
)
SMALLEST = (Size("tiny 2x2>1x8x8", 2, ForecastShape(2, 1, 1, 8, 8)),)


@dataclass(frozen=True)
class Cost:
    """One row of the table.

    Attributes:
        predictor: Name in the catalog.
        size: Name of the size: batch x history>horizon x rows x columns.
        precision: Of matrix products and convolutions.
        parameters: Weights that are trained.
        gflop: FLOPs of a step, in 10^9 (three times the forward pass).
        step_ms: Median wall time of a step.
        fastest_ms, slowest_ms: Extremes of the same.
        matmul_ms: Median wall time of the matrix product between the steps.
        share: FLOP/s of the step over FLOP/s of the matrix product.
    """

    predictor: str
    size: str
    precision: str
    parameters: int
    gflop: float
    step_ms: float
    fastest_ms: float
    slowest_ms: float
    matmul_ms: float
    share: float


class Step:
    """One training step that can be repeated, on fixed random fields."""

    def __init__(self, name: str, size: Size, precision: str, device: torch.device) -> None:
        torch.manual_seed(0)
        s = size.shape
        self.device = device
        self.dtype = PRECISIONS[precision]
        self.predictor = build_predictor(PredictorSettings(name=name, width=16), s).to(device)
        self.loss = ForecastLoss(
            LossSettings(variant="sobel", gradient_weight=1.0, multi_step="all"),
            torch.zeros(s.channels, s.height, s.width, device=device),
        )
        self.optimizer = torch.optim.AdamW(self.predictor.parameters(), lr=1e-4, fused=True)
        frames = torch.rand(
            size.batch, s.history + s.horizon, s.channels, s.height, s.width, device=device
        )
        self.history_BTCHW, self.future_BTCHW = frames[:, : s.history], frames[:, s.history :]
        self.mask_HW = torch.ones(s.height, s.width, dtype=torch.bool, device=device)

    def __call__(self) -> None:
        """Run one training step."""
        pred_BTCHW = self.forward()
        loss = self.loss(pred_BTCHW.float(), self.future_BTCHW, self.mask_HW).total_B.mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.predictor.parameters(), 1.0)
        self.optimizer.step()

    def forward(self) -> torch.Tensor:
        """Return the forecast alone."""
        shorter = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=shorter):
            forecast: torch.Tensor = self.predictor(self.history_BTCHW)
        return forecast

    def flops(self) -> int:
        """Return the FLOPs of a step: three times those of the forward pass."""
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self.forward()
        return 3 * int(counter.get_total_flops())


def measure(name: str, size: Size, precision: str, device: torch.device, repeats: int) -> Cost:
    """Return the cost of a step, timed in turn with a matrix product."""
    step = Step(name, size, precision, device)
    left, right = torch.rand(2, MATMUL_SIDE, MATMUL_SIDE, device=device)

    def multiply() -> None:
        torch.mm(left, right)

    for _ in range(2):  # the first runs choose kernels and fill caches
        step()
        multiply()
    matmul_s, step_s = [], []
    for _ in range(repeats):
        matmul_s.append(_timed(multiply, device))
        step_s.append(_timed(step, device))
    flops = step.flops()
    step_speed = flops / statistics.median(step_s)
    return Cost(
        predictor=name,
        size=size.name,
        precision=precision,
        parameters=sum(p.numel() for p in step.predictor.parameters()),
        gflop=flops / 1e9,
        step_ms=1e3 * statistics.median(step_s),
        fastest_ms=1e3 * min(step_s),
        slowest_ms=1e3 * max(step_s),
        matmul_ms=1e3 * statistics.median(matmul_s),
        share=step_speed * statistics.median(matmul_s) / MATMUL_FLOPS,
    )


def _timed(work: Callable[[], None], device: torch.device) -> float:
    _synchronise(device)
    started = time.perf_counter()
    work()
    _synchronise(device)
    return time.perf_counter() - started


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_all(repeats: int, sizes: tuple[Size, ...] = SIZES) -> list[Cost]:
    """Return a row for every predictor, size and precision, on the GPU if there is one.

    On a CPU one thread is used, and the number of threads is put back afterwards.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [
            measure(name, size, precision, device, repeats)
            for size in sizes
            for name in NETS
            for precision in PRECISIONS
        ]
    finally:
        torch.set_num_threads(threads)


def table(costs: list[Cost]) -> str:
    """Return the rows as aligned text."""
    header = ("predictor", "size", "precision", "parameters", "GFLOP/step", "ms/step", "of matmul")
    rows = [
        (
            c.predictor,
            c.size,
            c.precision,
            f"{c.parameters:,}",
            f"{c.gflop:.2f}",
            f"{c.step_ms:.1f} [{c.fastest_ms:.1f}-{c.slowest_ms:.1f}]",
            f"{c.share:.0%}",
        )
        for c in costs
    ]
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, *rows)
    )


def main(arguments: list[str] | None = None, sizes: tuple[Size, ...] = SIZES) -> int:
    """Measure, print the table and, if asked to, write the rows as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.step_cost", description="What one training step costs."
    )
    parser.add_argument("--repeats", type=_positive, default=15, help="timings a row (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    options = parser.parse_args(arguments)
    costs = measure_all(options.repeats, sizes)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, one thread"
    speed = MATMUL_FLOPS / statistics.median(c.matmul_ms for c in costs) / 1e6
    print(f"torch {torch.__version__}, {where}; float32 matmul {speed:.0f} GFLOP/s")
    print(table(costs))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(c) for c in costs], indent=1) + "\n")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, found {number}")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
