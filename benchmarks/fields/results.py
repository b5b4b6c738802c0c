"""What is kept of a row: one line of JSON each, added as soon as the row is finished."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "results" / "fields.jsonl"


@dataclass(frozen=True)
class Sharpness:
    """Gradient and peak above the mean as shares of the observed."""

    gradient: float
    peak: float

    @classmethod
    def of(cls, metrics: Mapping[str, float]) -> "Sharpness":
        """Return the shares of a forecast with these metrics."""
        mean = metrics["mean_observed"]
        return cls(
            gradient=metrics["gradient"] / metrics["gradient_observed"],
            peak=(metrics["peak"] - mean) / (metrics["peak_observed"] - mean),
        )


@dataclass(frozen=True)
class ReferenceFigures:
    """The best of the baseline's sharpeners, which need no training.

    Attributes:
        score: On the validation split.
        is_feasible: Whether it breaks no guard there.
        test_score: Mean over the seeds of the confirmation, on the test split, of the reference
            that was the best with these on the validation split; None without one.
        test_feasible: Seeds with which it breaks no guard there.
    """

    name: str
    score: float
    is_feasible: bool
    test_score: float | None = None
    test_feasible: int | None = None


@dataclass(frozen=True)
class ConfirmedFigures:
    """The trial that was confirmed on new seeds and the test split; means over seeds.

    Attributes:
        trial: Its number.
        configuration: In words.
        sharpener: Its last step, or none.
        wins: Whether the confirmation names it as the winner.
        rmse: Over the baseline's of the same seed.
        feasible, seeds: Of how many seeds it breaks no guard.
    """

    trial: int
    configuration: str
    sharpener: str
    wins: bool
    score: float | None
    sharpness: Sharpness | None
    rmse: float | None
    feasible: int
    seeds: int


@dataclass(frozen=True)
class Key:
    """What a result depends on; a row with another key is run again.

    Attributes:
        row: Name.
        setup: SHA-256 of the row's field, settings and budget.
        code: SHA-256 of the program.
        data: SHA-256 of the field's values.
    """

    row: str
    setup: str
    code: str
    data: str


@dataclass(frozen=True)
class Said:
    """A verdict as a user reads it."""

    name: str
    reason: str
    advice: str


@dataclass(frozen=True)
class Result:
    """All that is kept of a row.

    Attributes:
        verdicts: Of the sweep and, where one was run, after the confirmation.
        baseline: Of the baseline as it is, on the validation split.
        baseline_rmse: In the field's unit.
        trials: Trials of the study by state.
        epochs: Passes over the training windows in all, the confirmation's included.
        steps: Optimiser steps in all.
        commit: Of the checkout.
    """

    key: Key
    verdicts: list[Said]
    baseline: Sharpness
    baseline_rmse: float
    reference: ReferenceFigures | None
    confirmed: ConfirmedFigures | None
    trials: dict[str, int]
    epochs: int
    steps: int
    seconds: float
    date: str
    commit: str
    machine: str

    @property
    def winner_holds(self) -> bool:
        """Whether the confirmed trial is feasible with all seeds and not behind the reference.

        Also that it is the winner. True where none was confirmed.
        """
        best = self.confirmed
        if best is None:
            return True
        if not best.wins or best.score is None or best.feasible < best.seeds:
            return False
        bound = self.reference.test_score if self.reference is not None else None
        return bound is None or best.score <= bound


def read_results(file: Path) -> list[Result]:
    """Return the results in a file, none where it is missing."""
    if not file.exists():
        return []
    return [_read(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def add_result(file: Path, result: Result) -> None:
    """Add a result to a file, which is made if it is missing.

    The file is replaced as a whole, so that a kill leaves no half line.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    half = file.with_name(f"{file.name}.new")
    half.write_text(
        before + json.dumps(asdict(result), ensure_ascii=False) + "\n", encoding="utf-8"
    )
    half.replace(file)


def latest(results: Iterable[Result]) -> dict[str, Result]:
    """Return the last result of each row."""
    return {result.key.row: result for result in results}


def _read(kept: dict[str, Any]) -> Result:
    reference, confirmed = kept["reference"], kept["confirmed"]
    if confirmed is not None:
        sharpness = confirmed["sharpness"]
        confirmed = ConfirmedFigures(
            **{**confirmed, "sharpness": None if sharpness is None else Sharpness(**sharpness)}
        )
    return Result(
        **{
            **kept,
            "key": Key(**kept["key"]),
            "verdicts": [Said(**said) for said in kept["verdicts"]],
            "baseline": Sharpness(**kept["baseline"]),
            "reference": None if reference is None else ReferenceFigures(**reference),
            "confirmed": confirmed,
        }
    )
