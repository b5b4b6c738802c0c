"""A trial in a few words: what it trains, and what it came to."""

from collections.abc import Iterable, Mapping

from sweep.study.trial_spec import TrialSpec


def describe(spec: TrialSpec) -> str:
    """Return what a trial trains, in a few words."""
    if spec.preset is not None:
        return spec.preset
    loss, training = spec.run.loss, spec.run.training
    return (
        f"{loss.variant} {loss.gradient_weight:.3g} {loss.multi_step}, "
        f"rate {training.learning_rate:.2e}, warm-up {training.warmup_fraction:.2f}"
    )


def came_to(score: float, metrics: Mapping[str, float], wrong: Iterable[str] = ()) -> str:
    """Return what a trial came to, in a few words.

    Args:
        score: Its score.
        metrics: ``gradient``, ``peak`` and ``rmse``, physical units.
        wrong: Names of the guards it breaks.
    """
    names = ", ".join(wrong)
    against = f", against the guards: {names}" if names else ""
    return (
        f"score {score:.4f}, gradient {metrics['gradient']:.4g}, peak {metrics['peak']:.4g}, "
        f"rmse {metrics['rmse']:.4g}{against}"
    )
