"""Which values of a setting a sweep can come to."""

from sweep.configuration.names import setting_path, value_at
from sweep.configuration.settings import Choices, Scalar, SweepConfig


def reachable(config: SweepConfig, path: str) -> list[Scalar]:
    """Return the configured value of a setting, and the choices or ends it is searched between.

    Args:
        config: The sweep.
        path: Dotted path of the setting, such as ``loss.variant``.
    """
    configured = value_at(config.run.model_dump(), path)
    values = [] if configured is None else [configured]
    for name, searched in config.search.space.items():
        if setting_path(name) == path:
            ends = (
                searched.choices if isinstance(searched, Choices) else (searched.low, searched.high)
            )
            values.extend(ends)
    return list(dict.fromkeys(values))
