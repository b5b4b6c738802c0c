"""The packages of trackers, which are extras: a missing one is refused before anything runs."""

from importlib.util import find_spec

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.configuration.tracking import TrackingSettings

PACKAGES = {
    "tensorboard": ("tensorboard", "tensorboard"),
    "mlflow": ("mlflow", "mlflow-skinny"),
    "wandb": ("wandb", "wandb"),
}
"""By tracker: the module, and the package that pip installs."""


def require_packages(settings: TrackingSettings) -> None:
    """Check that the package of each tracker is installed; none is imported.

    Raises:
        ConfigError: If one is missing.
    """
    for name in settings.chosen:
        module, package = PACKAGES[name]
        try:
            found = find_spec(module)
        except (ImportError, ValueError):
            found = None
        if found is None or found.origin is None:  # a folder of that name is no package
            raise ConfigError(
                f"tracking.{name} is set and {package} is not installed; install it with "
                f"python -m pip install {package}, or leave tracking.{name} out"
            )
