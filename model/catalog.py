"""What there is to choose from, by name: one line here and one file make a new one.

Values are import paths, not classes, so that names can be checked without loading torch.
"""

from importlib import import_module
from typing import Any

from fields.errors import ConfigError

PREDICTORS: dict[str, str] = {
    "unet": "model.predictors.unet:UNet",
    "simvp": "model.predictors.simvp:SimVP",
    "convlstm": "model.predictors.convlstm:ConvLSTM",
}

LOSS_VARIANTS: dict[str, str] = {
    "none": "model.losses.none:no_term",
    "gradient": "model.losses.gradient:gradient_l1",
    "sobel": "model.losses.sobel:sobel_mse",
    "laplacian": "model.losses.laplacian:laplacian_mse",
    "multiscale": "model.losses.multiscale:multiscale_mse",
}

BASE_LOSSES: dict[str, str] = {
    "mse": "model.losses.pointwise:mse",
    "l1": "model.losses.pointwise:l1",
}


def load(path: str, setting: str) -> Any:
    """Import ``package.module:Name``.

    Args:
        path: What to import.
        setting: The setting that named it, for the error.

    Raises:
        ConfigError: If the module or the name in it does not exist, or importing it fails.
    """
    module_name, _, name = path.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{setting} names the module {module_name!r}, which cannot be imported ({error}); "
            "put its folder on PYTHONPATH"
        ) from error
    except Exception as error:  # a module of the user's may raise anything while it is imported
        raise ConfigError(
            f"{setting} names the module {module_name!r}, which fails when imported "
            f"({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise ConfigError(
            f"{setting} names {name!r}, which module {module_name!r} does not have"
        ) from error
