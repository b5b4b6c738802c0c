"""Fits the sharpener of a name, and applies it with its results checked.

Shape legend: B sample, T lead, C channel, H rows, W columns. Physical units, double precision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from fieldsharp.core.errors import ConfigError, TrainingFailed
from fieldsharp.fields.valid_cells import cell_index, take_cells
from fieldsharp.fields.windows import one_channel
from fieldsharp.model.registry import SHARPENERS, load
from fieldsharp.model.sharpeners.interface import NotFittedError, Parameters, Region, Sharpener

Tensor = torch.Tensor
Result = TypeVar("Result")
FEWEST_FRAMES = 4
"""At each lead; with fewer a gain is that of single features."""


@dataclass(frozen=True)
class FittedSharpener:
    """A sharpener with its parameters.

    Attributes:
        name: Its name in a configuration.
        parameters: For every lead it was fitted on.
        others: The same sharpener, fitted on each further predicted variable in their order: of
            several variables each has its own channel, mask and parameters.
    """

    name: str
    sharpener: Sharpener
    parameters: Parameters
    mask_HW: Tensor
    others: tuple["FittedSharpener", ...] = ()

    def each(self) -> tuple["FittedSharpener", ...]:
        """Return the sharpener of each variable alone, in the order of their channels."""
        return (replace(self, others=()), *self.others) if self.others else (self,)

    def __call__(self, pred_BTCHW: Tensor, leads: Sequence[int] | None = None) -> Tensor:
        """Return sharpened forecasts; masked cells keep their values.

        Args:
            pred_BTCHW: Forecasts in physical units, double precision; of several variables with a
                channel for each.
            leads: The lead of each of their frames, from 0; by default those of the fit in order.

        Raises:
            TrainingFailed: If a sharpener of the user's fails or returns another shape, or values
                that are not finite.
        """
        sharpened, is_finite = self.apply(pred_BTCHW, leads)
        self.require_finite(is_finite)
        return sharpened

    def apply(
        self, pred_BTCHW: Tensor, leads: Sequence[int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return sharpened forecasts, and whether all their values are finite.

        Neither is read here: what the sharpeners of this project do never waits for the device.

        Args:
            pred_BTCHW: As when it is called.
            leads: Likewise.

        Raises:
            TrainingFailed: If a sharpener of the user's fails or returns another shape.
        """
        if self.others:
            channels = [
                one.apply(one_channel(pred_BTCHW, channel), leads)
                for channel, one in enumerate(self.each())
            ]
            sharpened = torch.cat([found for found, _ in channels], dim=-3)
            return sharpened, torch.stack([is_finite for _, is_finite in channels]).all()
        parameters = self.parameters
        if leads is not None:
            parameters = {name: value[list(leads)] for name, value in parameters.items()}
        found = _run(self.name, lambda: self.sharpener.apply(pred_BTCHW, parameters))
        _require_shape(self.name, found, pred_BTCHW)
        is_finite = take_cells(found, cell_index(self.mask_HW).valid_N).isfinite().all()
        return torch.where(self.mask_HW, found, pred_BTCHW), is_finite

    def require_finite(self, is_finite: Tensor) -> None:
        """Check what ``apply`` returned beside the forecasts, of one call or of several.

        Raises:
            TrainingFailed: If a sharpener of the user's returned values that are not finite.
        """
        if not is_finite.all():
            raise TrainingFailed(
                f"the sharpener {self.name!r} returns values that are not finite for a forecast "
                "that is; set sharpening.name to another"
            )


def make_sharpener(name: str, region: Region) -> Sharpener:
    """Return the sharpener of a name, or of ``package.module:Class``, without parameters.

    Raises:
        ConfigError: If there is no such class, or it cannot be built.
    """
    cls = load(SHARPENERS.get(name, name), "sharpening.name")
    try:
        sharpener: Sharpener = cls(region)
    except (Exception, SystemExit) as error:  # a class of the user's may raise anything
        raise ConfigError(
            f"sharpening.name {name!r} cannot be built from the mask and climatology of a field "
            f"({_one_line(error)}); its class takes one argument, "
            "fieldsharp.model.sharpeners.interface.Region"
        ) from error
    return sharpener


def fit_sharpener(
    name: str, region: Region, pred_BTCHW: Tensor, target_BTCHW: Tensor
) -> FittedSharpener:
    """Return a sharpener fitted on forecasts and the observations of the same times.

    Args:
        name: A name of the registry, or ``package.module:Class``.
        region: Mask and climatology.
        pred_BTCHW: Forecasts in physical units, double precision; anything in masked cells.
        target_BTCHW: What was observed.

    Raises:
        ConfigError: If there is no such class.
        TrainingFailed: If it cannot be fitted on these.
    """
    frames = pred_BTCHW.shape[0]
    if frames < FEWEST_FRAMES:
        raise _not_fitted(
            name,
            f"there are {frames} forecasts of a lead to fit it on, and it takes at least "
            f"{FEWEST_FRAMES}",
        )
    if not region.mask_HW.any():
        raise _not_fitted(name, "every cell is masked")
    sharpener = make_sharpener(name, region)
    for what, field in (("forecasts", pred_BTCHW), ("observations", target_BTCHW)):
        if not field[..., region.mask_HW].isfinite().all():
            raise _not_fitted(name, f"the {what} hold values that are not finite")
    try:
        parameters = _run(name, lambda: sharpener.fit(pred_BTCHW, target_BTCHW))
    except NotFittedError as error:
        raise _not_fitted(name, str(error)) from error
    _require_parameters(name, parameters, leads=pred_BTCHW.shape[1])
    fitted = FittedSharpener(name, sharpener, parameters, region.mask_HW)
    if name not in SHARPENERS:
        fitted(pred_BTCHW[:1])  # a class of the user's is tried before it is relied on
    return fitted


def _run(name: str, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except (NotFittedError, TrainingFailed):
        raise
    except (Exception, SystemExit) as error:
        if name in SHARPENERS:
            raise
        raise TrainingFailed(
            f"the sharpener {name!r} fails ({_one_line(error)}); mend it, or set sharpening.name "
            f"to one of {', '.join(SHARPENERS)}"
        ) from error


def _require_parameters(name: str, parameters: object, leads: int) -> None:
    if isinstance(parameters, dict) and all(
        isinstance(key, str)
        and isinstance(value, Tensor)
        and value.shape[:1] == (leads,)
        and bool(value.isfinite().all())
        for key, value in parameters.items()
    ):
        return
    found = (
        parameters
        if not isinstance(parameters, dict)
        else {
            key: tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            for key, value in parameters.items()
        }
    )
    raise TrainingFailed(
        f"the sharpener {name!r} returns {found} from fit, where finite tensors by name whose "
        f"first dimension is the lead ({leads}) were expected"
    )


def _require_shape(name: str, found: object, pred_BTCHW: Tensor) -> None:
    if not isinstance(found, Tensor) or found.shape != pred_BTCHW.shape:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise TrainingFailed(
            f"the sharpener {name!r} returns {shape} where the shape of the forecast, "
            f"{tuple(pred_BTCHW.shape)}, was expected"
        )


def _not_fitted(name: str, reason: str) -> TrainingFailed:
    return TrainingFailed(
        f"the sharpener {name!r} cannot be fitted: {reason}; set sharpening.name to none or to "
        "another"
    )


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
