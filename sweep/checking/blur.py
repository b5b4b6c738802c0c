"""Is there any blur to fix?"""

from fieldsharp.core.errors import ConfigError
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.checking.check import Check, judged
from fieldsharp.sweep.checking.context import CheckContext
from fieldsharp.sweep.checking.linear_forecast import fit_linear_forecast
from fieldsharp.sweep.trials.evaluator import Evaluator


def check_blur(subject: CheckContext) -> Check:
    """Check that a least-squares forecast falls short of a target, so that there is work to do."""
    data = subject.data
    forecast = fit_linear_forecast(data.train, data.mask_HW, subject.config.training.seed)
    found = (
        Evaluator(data, data.validation)
        .evaluate(
            lambda history_BTCHW: forecast(history_BTCHW.cpu()).to(history_BTCHW.device),
            detail=False,
        )
        .overall
    )
    try:
        targets = resolve_targets(subject.config.objective, found)
    except ConfigError as error:
        wrong, _, _ = str(error).partition("; ")
        return judged("blur", wrong, "lower the target or use auto", ok=False)
    mean = found["mean_observed"]
    gradient = _ratio(found["gradient"], found["gradient_observed"])
    peak = _ratio(found["peak"] - mean, found["peak_observed"] - mean)
    blurred = found["gradient"] < targets.gradient.low or found["peak"] < targets.peak.low
    unit = f" {data.series.units}" if data.series.units else ""
    numbers = (
        f"a linear forecast has {gradient:.2f} of the observed gradient ({found['gradient']:.3g} "
        f"of {found['gradient_observed']:.3g}{unit} per cell) and {peak:.2f} of the peak above the "
        f"mean on the validation split"
    )
    detail = numbers if blurred else f"nothing to fix: {numbers}, no less than the targets ask for"
    fix = "no sweep is needed; or look at a longer lead (data.stride, data.horizon)"
    return judged("blur", detail, fix, ok=blurred)


def _ratio(value: float, observed: float) -> float:
    return value / observed if observed else float("nan")
