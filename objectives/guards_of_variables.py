"""The guards of several predicted variables: each variable has all of them, by its own limits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from fieldsharp.objectives.guards import GuardOutcome, check_guards, guard_name
from fieldsharp.objectives.limits.field_variation import FieldVariation
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import named, split_name
from fieldsharp.objectives.settings import GuardSettings


def check_all_guards(
    values: MetricValues,
    settings: GuardSettings,
    baseline: MetricValues | None,
    field: FieldVariation | None = None,
    rmse_multiples: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> list[GuardOutcome]:
    """Return the outcomes of the guards of every variable; one that is broken refuses the forecast.

    Those of the first variable have the names of the guards, those of others the variable's before
    it, as ``u10: rmse``.

    Args:
        values: The forecast's metrics.
        settings: The limits, the same for every variable.
        baseline: As of ``check_guards``.
        field: As of ``check_guards``.
        rmse_multiples: As of ``check_guards``, by variable; those of the first by "".
    """
    outcomes = []
    for name in ("", *values.others):
        found = check_guards(
            values.of(name),
            settings,
            None if baseline is None else baseline.of(name),
            None if field is None else field.of(name),
            rmse_multiples.get(name),
        )
        outcomes += [
            guard.model_copy(update={"name": named(name, guard.name)}) if name else guard
            for guard in found
        ]
    return outcomes


def outcomes_of(
    outcomes: Iterable[GuardOutcome], variable: str, others: Collection[str]
) -> list[GuardOutcome]:
    """Return the outcomes of one variable by the names of its guards.

    Args:
        outcomes: Of all variables.
        variable: Any name but those of the others is the first's.
        others: Names of the variables beyond the first.
    """
    of = variable if variable in others else ""
    return [
        guard.model_copy(update={"name": guard_name(guard.name)}) if of else guard
        for guard in outcomes
        if split_name(guard.name)[0] == of
    ]
