"""Whether another metric in the score would choose better nets: simulated on measured forecasts.

    python -m research.metric_in_score [FILE] [--way spread]

FILE was written by ``research.sharpener_fields``. Of each field and seed, the candidates are its
nets, as they are and under each sharpener, that break no guard on the validation split. The one
with the least ``score + weight * (1 - metric)`` on the validation split is chosen; the table has
its metrics on the test split, first of all with the score alone.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from fieldsharp.model.registry import NO_SHARPENER, SHARPENERS
from research.sharpener_fields import RESULTS, WAYS, Line, Sharpened, read_lines

METRICS = ("gradient_correlation", "csi_99", "fss_90")
WEIGHTS = (0.02, 0.05, 0.1)
Key = tuple[str, str]


def candidates(lines: Sequence[Line], way: str, split: str) -> dict[Key, Sharpened]:
    """Return the forecasts of nets of a field, by net and sharpener."""
    return {
        (line.net, one.sharpener): one
        for line in lines
        for one in line.forecasts
        if one.split == split
        and (
            (one.way == way and one.sharpener in SHARPENERS)
            or (one.way == "" and one.sharpener == NO_SHARPENER)
        )
    }


def chosen(lines: Sequence[Line], way: str, metric: str, weight: float) -> Key | None:
    """Return the net and the sharpener that would be chosen; None where all break a guard."""
    feasible = {
        key: one for key, one in candidates(lines, way, "validation").items() if not one.broken
    }
    if not feasible:
        return None

    def cost(key: Key) -> float:
        more = weight * (1.0 - float(getattr(feasible[key], metric))) if weight else 0.0
        return feasible[key].score + more

    return min(feasible, key=cost)


def table(lines: Sequence[Line], way: str) -> Iterator[str]:
    """Yield the lines of the table."""
    fields = list(dict.fromkeys(line.field for line in lines))
    yield (
        "| term | "
        + " | ".join(f"{field}: net, sharpener; score, RMSE" for field in fields)
        + (" | mean score | fractions skill | CSI 99 % | gradient correlation |")
    )
    yield "|---" * (len(fields) + 5) + "|"
    rules = [("none", METRICS[0], 0.0)]
    rules += [(f"{metric}, {weight:g}", metric, weight) for metric in METRICS for weight in WEIGHTS]
    for title, metric, weight in rules:
        cells, found = [], []
        for field in fields:
            own = [line for line in lines if line.field == field and line.seed == 0]
            key = chosen(own, way, metric, weight)
            if key is None:
                cells.append("none feasible")
                continue
            one = candidates(own, way, "test")[key]
            found.append(one)
            cells.append(f"{key[0]}, {key[1]}; {one.score:.3f}, {one.rmse:.3f}")
        figures = ("score", "fss_90", "csi_99", "gradient_correlation")
        cells += [f"{mean(getattr(one, name) for one in found):.3f}" for name in figures]
        yield f"| {title} | " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("--way", choices=WAYS, default="spread")
    options = parser.parse_args(arguments)
    print("\n".join(table(read_lines(options.file), options.way)))


if __name__ == "__main__":
    main()
