"""Predictors, losses and sharpeners by name: a line here and a function or class make a new one.

Values are import paths, not classes, so that names can be checked without loading torch.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from fieldsharp.core.errors import ConfigError
from fieldsharp.core.working_folder import search_working_folder

NETS: dict[str, str] = {
    "unet": "fieldsharp.model.predictors.unet:UNet",
    "simvp": "fieldsharp.model.predictors.simvp:SimVP",
    "convlstm": "fieldsharp.model.predictors.convlstm:ConvLSTM",
    "ensemble": "fieldsharp.model.predictors.ensemble:Ensemble",
}
ADAPTERS: dict[str, str] = {
    "image": "fieldsharp.model.predictors.image:Image",
    "video": "fieldsharp.model.predictors.video:Video",
}
"""Predictors made of a net of a library, which ``predictor.options.module`` names."""
PREDICTORS = NETS | ADAPTERS


@dataclass(frozen=True)
class LossVariant:
    """An additional loss term that a sweep can search.

    Attributes:
        path: Import path of a function ``(pred_BTCHW, target_BTCHW, mask_HW) -> [B]``.
        optimum: The forecasts that minimise it where the future is uncertain.
        sharpens: Whether its optimum is sharper than the conditional mean: only then can it cure
            blur that comes from uncertainty; the others help a net that trained too little.
        on: Whether it takes the field or its anomalies from each cell's training mean.
        takes_progress: Whether it also takes ``progress``, the share of the training done.
        measured_by: The term whose value for persistence normalises it, if not its own.
        only_with_base: Whether it is meant only as a part added to the base loss, so that it says
            little by itself and need not fall when it is trained on alone.
    """

    path: str
    optimum: str
    sharpens: bool
    on: Literal["field", "anomalies"] = "field"
    takes_progress: bool = False
    measured_by: str | None = None
    only_with_base: bool = False


NO_TERM = "none"
"""The variant that stands for a loss without an additional term."""
_SAME = "the conditional mean, as for the mean square error"
_MSE = "fieldsharp.model.losses.pointwise:mse"

LOSS_VARIANTS: dict[str, LossVariant] = {
    NO_TERM: LossVariant(
        "fieldsharp.model.losses.pointwise:no_term", "the base loss alone", sharpens=False
    ),
    "gradient": LossVariant(
        "fieldsharp.model.losses.derivatives:gradient_l1",
        "near the conditional median of slopes",
        sharpens=False,
    ),
    "sobel": LossVariant("fieldsharp.model.losses.derivatives:sobel_mse", _SAME, sharpens=False),
    "laplacian": LossVariant(
        "fieldsharp.model.losses.derivatives:laplacian_mse", _SAME, sharpens=False
    ),
    "multiscale": LossVariant(
        "fieldsharp.model.losses.derivatives:multiscale_mse", _SAME, sharpens=False
    ),
    "gradient_magnitude": LossVariant(
        "fieldsharp.model.losses.derivatives:gradient_magnitude_mse",
        "steeper by raised contrast, at a cost in error",
        sharpens=True,
    ),
    "gdl": LossVariant(
        "fieldsharp.model.losses.derivatives:gdl", "steeper, half the way", sharpens=True
    ),
    "gdl2": LossVariant(
        "fieldsharp.model.losses.derivatives:gdl2", "steeper, most of the way", sharpens=True
    ),
    "fourier_amplitude": LossVariant(
        "fieldsharp.model.losses.spectral:fourier_amplitude",
        "any field with the truth's spectrum, noise included",
        sharpens=True,
        on="anomalies",
    ),
    "facl": LossVariant(
        "fieldsharp.model.losses.spectral:facl",
        "the truth's spectrum, in phase as far as it is known",
        sharpens=True,
        on="anomalies",
        takes_progress=True,
    ),
    "focal_frequency": LossVariant(
        "fieldsharp.model.losses.spectral:focal_frequency", _SAME, sharpens=False, on="anomalies"
    ),
    "amse": LossVariant(
        "fieldsharp.model.losses.spectral:amse",
        "the conditional mean with each scale raised to the truth's power",
        sharpens=True,
        on="anomalies",
    ),
    "amse_mix": LossVariant(
        "fieldsharp.model.losses.spectral:amse_minus_mse",
        "between the conditional mean (weight 0) and that of amse (weight 1)",
        sharpens=True,
        on="anomalies",
        # Nearly 0 for persistence, whose spectrum is the truth's: its own value would mean nothing.
        measured_by=_MSE,
        only_with_base=True,
    ),
    "sorted": LossVariant(
        "fieldsharp.model.losses.distribution:sorted_both",
        "the truth's distribution of values and of gradient magnitudes",
        sharpens=True,
    ),
    "sorted_values": LossVariant(
        "fieldsharp.model.losses.distribution:sorted_values",
        "the truth's distribution of values",
        sharpens=True,
    ),
    "sorted_gradients": LossVariant(
        "fieldsharp.model.losses.distribution:sorted_gradients",
        "the truth's distribution of gradient magnitudes",
        sharpens=True,
    ),
    "extremes": LossVariant(
        "fieldsharp.model.losses.distribution:extremes", "the truth's highest values", sharpens=True
    ),
    "balanced": LossVariant(
        "fieldsharp.model.losses.pointwise:balanced_mse",
        "a mean drawn towards high values",
        sharpens=True,
    ),
    "quantile": LossVariant(
        "fieldsharp.model.losses.pointwise:pinball",
        "a high conditional quantile: biased upward",
        sharpens=False,
    ),
    "ssim": LossVariant(
        "fieldsharp.model.losses.structure:one_minus_ssim",
        "a little more contrast than the conditional mean",
        sharpens=True,
    ),
}

NOT_KNOWN = "not known: a term of yours"


def loss_variant(name: str) -> LossVariant:
    """Return a term of this project, or one of the user's, named ``package.module:function``.

    The optimum of the latter is not known, so it counts as one that may sharpen: the verdict on a
    sweep that fails with it does not blame the losses.
    """
    if ":" in name:
        return LossVariant(name, NOT_KNOWN, sharpens=True)
    return LOSS_VARIANTS[name]


NO_SHARPENER = "none"
"""The name that stands for the forecast of the predictor as it is."""
BEST_SHARPENER = "auto"
"""The name that stands for the sharpener with the best forecast, or none."""

SHARPENERS: dict[str, str] = {
    "calibrate": "fieldsharp.model.sharpeners.spectral:Calibrate",
    "inflate": "fieldsharp.model.sharpeners.inflate:Inflate",
    "quantile": "fieldsharp.model.sharpeners.quantile:Quantile",
    "spectral": "fieldsharp.model.sharpeners.spectral:Spectral",
    "unsharp": "fieldsharp.model.sharpeners.unsharp:Unsharp",
}

BASE_LOSSES: dict[str, str] = {"mse": _MSE, "l1": "fieldsharp.model.losses.pointwise:l1"}
MEMBER_LOSSES: dict[str, str] = {
    "crps": "fieldsharp.model.losses.members:almost_fair_crps",
    "multiscale_crps": "fieldsharp.model.losses.members:multiscale_crps",
    "spectral_crps": "fieldsharp.model.losses.members:spectral_crps",
    "energy": "fieldsharp.model.losses.members:energy_score",
}
"""Base losses of the members of an ensemble."""


def load(path: str, setting: str) -> Any:
    """Import ``package.module:Name``.

    Args:
        path: What to import.
        setting: The setting that named it, for the error.

    Raises:
        ConfigError: If the module or the name in it does not exist, or importing it fails.
    """
    module_name, _, name = path.partition(":")
    if not module_name.startswith("fieldsharp."):
        search_working_folder()
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{setting} names the module {module_name!r}, which cannot be imported ({error}); "
            "run the command in its folder, or put its folder on PYTHONPATH"
        ) from error
    except (Exception, SystemExit) as error:  # a module of the user's may raise anything
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
