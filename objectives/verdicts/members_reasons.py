"""The next step of verdicts on sweeps whose members are judged together, in words."""

from collections.abc import Mapping

from fieldsharp.objectives.guards import guard_name
from fieldsharp.objectives.verdicts.contenders import Contenders

DROPOUT = "predictor.options.dropout"
MORE_DIFFERENT = (
    f"search higher values of {DROPOUT}; where the members are too sure still, give the net more "
    "frames to learn from (data.train_every, a longer series), since it knows its training windows "
    "better than new ones"
)
LESS_DIFFERENT = f"search lower values of {DROPOUT}, or give training.fine_tuning more"
MORE_ACCURATE = (
    f"search lower values of training.learning_rate and of {DROPOUT}, or give "
    "training.fine_tuning more"
)
AFTER_GUARD: Mapping[str, str] = {
    "spread_least": MORE_DIFFERENT,
    "copies": MORE_DIFFERENT,
    "alike": MORE_DIFFERENT,
    "mean_rmse": MORE_ACCURATE,
    "climatology": MORE_ACCURATE,
    "correlation": MORE_ACCURATE,
    "gradient_correlation": MORE_ACCURATE,
}
"""What to change where members break a guard; any other is against too much of something."""


def keep_tuning_members() -> str:
    """Return how to go on from members that are near, but no better than what needs no training."""
    return (
        "keep tuning: give training.fine_tuning more, or start the narrowed search in next.yaml, "
        "written where the sweep was started, or by export STUDY --next -o next.yaml"
    )


def after_refused_members(results: Contenders) -> str:
    """Return what to change after the guard that the sharpest members break."""
    name, _ = results.gamed[0].broken[0]
    return f"do not use it; {AFTER_GUARD.get(guard_name(name), LESS_DIFFERENT)}"


def what_members_differ_by(results: Contenders) -> str:
    """Return what is left to change where no members come near."""
    broken = [guard_name(name) for c in results.complete for name, _ in c.broken[:1]]
    most = max(set(broken), key=broken.count) if broken else ""
    return AFTER_GUARD.get(
        most,
        f"change what makes members differ: search {DROPOUT} over a wider range, or "
        "predictor.options.noise; else search predictor.options.member or give "
        "training.fine_tuning more",
    )
