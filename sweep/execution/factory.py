"""Returns the executor that the setting ``executor`` names."""

from collections.abc import Callable

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.executor import ExecutorPlan
from fieldsharp.sweep.execution.local.plan import local_plan
from fieldsharp.sweep.execution.ray.plan import ray_plan

EXECUTORS: dict[str, Callable[[SweepConfig], ExecutorPlan]] = {
    "local": local_plan,
    "ray": ray_plan,  # imports Ray, an optional dependency, only when called
}
"""By the value of the setting ``executor``."""


def executor_plan(config: SweepConfig) -> ExecutorPlan:
    """Return the executor plan of a configuration; a Ray cluster is connected to already.

    Raises:
        ConfigError: If the configured device is missing, or the cluster cannot be used.
        FieldsharpError: If connecting fails in another way.
    """
    return EXECUTORS[config.executor](config)
