"""``fieldsharp.evaluate``: every metric and guard of a forecast, as the command ``evaluate``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fieldsharp.fields.settings import GridMeasures
from fieldsharp.objectives.guards import GuardOutcome, broken
from fieldsharp.sweep.interface.display import block, line, table
from fieldsharp.sweep.interface.given_data import Field, given_fields
from fieldsharp.sweep.trials.file_evaluation import evaluate_files
from fieldsharp.sweep.trials.file_fields import NumbersInFiles
from fieldsharp.sweep.trials.file_references import evaluation_as_json
from fieldsharp.sweep.trials.file_sharpening import TrainingFiles

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("gradient", "gradient_observed", "peak", "peak_observed", "rmse", "bias", "correlation")
"""Metrics that a notebook shows; ``metrics`` has all of them."""


@dataclass(frozen=True)
class EvaluationResult:
    """The metrics of a forecast against a truth, in physical units.

    Attributes:
        variable, units: Of the field.
        frames: Number of frames that both have.
        cells: Most cells in any of them.
        metrics: Of all frames, by name.
        by_lead: The metrics of each lead, from the shortest; empty where there are not several.
        by_member: The metrics of each member; empty where there are not several.
        guards: Each guard that could be evaluated, by name.
        notes: What was converted, paired or left out.
    """

    variable: str
    units: str
    frames: int
    cells: int
    metrics: Mapping[str, float]
    by_lead: Mapping[str, Mapping[str, float]]
    by_member: Mapping[str, Mapping[str, float]]
    guards: Mapping[str, GuardOutcome]
    notes: tuple[str, ...]
    _tree: Mapping[str, Any] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether every guard holds."""
        return not self.broken

    @property
    def broken(self) -> tuple[str, ...]:
        """The guards that do not hold."""
        return tuple(guard.name for guard in broken(self._outcomes))

    def as_json(self) -> dict[str, Any]:
        """Return plain values, those that ``evaluate --json`` prints."""
        return dict(self._tree)

    def to_dataframe(self) -> "pd.DataFrame":
        """Return a row of metrics over all frames, and one for each lead and each member."""
        import pandas as pd

        parts = {
            ("all", ""): self.metrics,
            **{("lead", lead): metrics for lead, metrics in self.by_lead.items()},
            **{("member", member): metrics for member, metrics in self.by_member.items()},
        }
        index = pd.MultiIndex.from_tuples(list(parts), names=["part", "of"])
        return pd.DataFrame([dict(metrics) for metrics in parts.values()], index=index)

    def __repr__(self) -> str:
        said = ", ".join(f"{name} {self.metrics[name]:.4g}" for name in self._shown)
        broken = ", ".join(self.broken)
        guards = f"breaks {broken}" if broken else f"all {len(self.guards)} guards hold"
        return f"<evaluation of {self.variable}, {self.frames} frames: {said}; {guards}>"

    def _repr_html_(self) -> str:
        unit = f" [{self.units}]" if self.units else ""
        parts = {"all frames": self.metrics, **self.by_lead, **self.by_member}
        rows = [(name, *(metrics.get(n) for n in self._shown)) for name, metrics in parts.items()]
        guards = [(g.name, g.value, g.limit, "BROKEN", g.words) for g in broken(self._outcomes)]
        return block(
            f"{self.variable}{unit}: {self.frames} frames, {self.cells} cells",
            table(("", *self._shown), rows),
            table(("guard", "value", "limit", "", "what is wrong"), guards) if guards else "",
            "" if guards else line(f"all {len(self.guards)} guards hold"),
            *(line(note, faint=True) for note in self.notes),
        )

    @property
    def _shown(self) -> tuple[str, ...]:
        return tuple(name for name in SHOWN if name in self.metrics)

    @property
    def _outcomes(self) -> list[GuardOutcome]:
        return list(self.guards.values())


def evaluate(
    forecast: Field,
    truth: Field,
    *,
    baseline: Field | None = None,
    variable: str | None = None,
    truth_variable: str | None = None,
    forecast_select: Mapping[str, object] | None = None,
    truth_select: Mapping[str, object] | None = None,
    sharpen_with: tuple[Field, Field] | None = None,
    per: Literal["cell", "km"] = "cell",
    area_weights: Literal["none", "auto"] = "none",
    missing_values: Sequence[float] = (),
    allow_fill_like: bool = False,
) -> EvaluationResult:
    """Compare a forecast with the truth, at the times and in the cells that both have.

    Every field is an xarray object, a NumPy array (time, y, x) or the path of a file. The numbers
    are those of the command ``evaluate`` on files with the same contents.

    Args:
        forecast: With leads and members or without.
        truth: What was observed, on the same grid.
        baseline: Forecast by a net trained without gradient term, for more guards.
        variable: Where the forecast holds several variables.
        truth_variable: Where the truth names the field otherwise.
        forecast_select: One value for each further dimension of the forecast: ``{"level": 850}``.
        truth_select: The same of the truth.
        sharpen_with: A forecast of training frames and its truth, that sharpeners are fitted on.
        per: Unit of length of gradients; km needs real distances.
        area_weights: auto: cells count by the cosine of latitude in RMSE and the like.
        missing_values: Numbers that mark missing values, such as -9999.
        allow_fill_like: Whether numbers that look like undeclared fill values are data.

    Raises:
        FieldsharpError: If a field cannot be read, or grids, units or times do not match.
    """
    with given_fields() as given:
        training = None
        if sharpen_with is not None:
            of_training, its_truth = sharpen_with
            training = TrainingFiles(
                given.path("training_forecast", of_training),
                given.path("training_truth", its_truth),
            )
        found = evaluate_files(
            given.path("forecast", forecast),
            given.path("truth", truth),
            variable,
            truth_variable,
            _selection(truth_select),
            None if baseline is None else given.path("baseline", baseline),
            sharpen_with=training,
            measures=GridMeasures(area_weights=area_weights, per=per),
            forecast_select=_selection(forecast_select),
            numbers=NumbersInFiles(tuple(missing_values), allow_fill_like),
        )
        tree = evaluation_as_json(found)
    notes = [*found.converted, *found.by_position, *found.grid_notes]
    if found.frames_too_sparse:
        notes.append(f"{found.frames_too_sparse} frames with too few cells are left out")
    if found.frames_without_truth:
        notes.append(f"{found.frames_without_truth} frames of the forecast have no truth")
    return EvaluationResult(
        variable=found.variable,
        units=found.units,
        frames=found.frames,
        cells=found.cells,
        metrics=found.metrics,
        by_lead={part.lead or "": part.metrics for part in found.by_lead},
        by_member={part.member or "": part.metrics for part in found.by_member},
        guards={guard.name: guard for guard in found.guards},
        notes=tuple(notes),
        _tree=tree,
    )


def _selection(given: Mapping[str, object] | None) -> dict[str, str]:
    """Return the value of each dimension as it would be typed."""
    from fieldsharp.fields.coordinates.selection import value_text

    return {dim: value_text(value) for dim, value in (given or {}).items()}
