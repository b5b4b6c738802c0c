"""Which values of a setting a sweep can come to."""

from fieldsharp.sweep.configuration.ranges import Scalar, ends
from fieldsharp.sweep.configuration.setting_paths import value_at
from fieldsharp.sweep.configuration.settings import SweepConfig


def searched_values(config: SweepConfig, path: str) -> list[Scalar]:
    """Return the configured value of a setting, and the choices or ends it is searched between.

    Args:
        config: The sweep.
        path: Dotted path of the setting, such as ``loss.variant``.
    """
    configured = value_at(config.run.model_dump(), path)
    values = [] if configured is None else [configured]
    searched = config.searched(path)
    values.extend(() if searched is None else ends(searched))
    return list(dict.fromkeys(values))
