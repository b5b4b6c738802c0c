"""Blur: a least-squares forecast falls short of targets that a true forecast reaches."""

from dataclasses import replace

from fieldsharp.core.errors import ConfigError
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.limits.error_limit import rmse_multiples
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.targets import Targets, resolve_all_targets
from fieldsharp.sweep.checking.context import CheckContext, Finding, finding, of_each
from fieldsharp.sweep.engine.preflight import require_fair_guards
from fieldsharp.sweep.study.frontier import targets_out_of_reach
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.linear_forecast import fit_linear_forecast


def check_blur(context: CheckContext) -> Finding:
    """Check that a least-squares forecast falls short of a target, and the truth of no guard."""
    data = context.data
    forecast = fit_linear_forecast(data.train, data.masks, context.config.training.seed)
    evaluator = Evaluator(data, data.validation)
    statistics = evaluator.frontier_statistics()
    found = evaluator.evaluate_sharpened(forecast, {}, detail=False, frontier=statistics)[
        NO_SHARPENER
    ]
    try:
        require_fair_guards(found, context.config.objective.guards)
    except ConfigError as error:
        problem, _, fix = str(error).partition("; ")
        return finding(problem, fix, ok=False)
    try:
        targets = resolve_all_targets(context.config.objective, found, evaluator.names)
    except ConfigError as error:
        problem, _, _ = str(error).partition("; ")
        return finding(problem, "lower the target or use auto", ok=False)
    frontier = statistics.frontier()
    findings = {
        variable.name: _blur(
            context,
            variable.series.units,
            found.of(variable.name),
            bands,
            frontier.of(variable.name),
        )
        for variable, bands in zip(data.predicted, targets.by_variable.values(), strict=True)
    }
    if len(findings) > 1 and any(one.ok for one in findings.values()):
        # A sweep is needed for each variable that is blurred; the others come with it.
        findings = {name: replace(one, ok=True, fix="") for name, one in findings.items()}
    return of_each(findings)


def _blur(
    context: CheckContext, units: str, found: MetricValues, targets: Targets, frontier: Frontier
) -> Finding:
    """Return what is found of one variable."""
    metrics = found.overall
    mean = metrics["mean_observed"]
    gradient = _ratio(metrics["gradient"], metrics["gradient_observed"])
    peak = _ratio(metrics["peak"] - mean, metrics["peak_observed"] - mean)
    blurred = metrics["gradient"] < targets.gradient.low or metrics["peak"] < targets.peak.low
    unit = f" {units}" if units else ""
    per = context.config.objective.per
    numbers = (
        f"a linear forecast has {gradient:.2f} of the observed gradient ({metrics['gradient']:.3g} "
        f"of {metrics['gradient_observed']:.3g}{unit} per {per}) and {peak:.2f} of the peak above "
        f"the mean on the validation split"
    )
    detail = numbers if blurred else f"nothing to fix: {numbers}, no less than the targets ask for"
    multiples = rmse_multiples(context.config.objective.guards, frontier, found)
    too_costly = targets_out_of_reach(frontier, found, targets, multiples)
    if blurred and too_costly:
        detail += f"; by its amplitudes and errors {too_costly[0]}"
    fix = "no sweep is needed; or look at a longer lead (data.stride, data.horizon)"
    return finding(detail, fix, ok=blurred)


def _ratio(value: float, observed: float) -> float:
    return value / observed if observed else float("nan")
