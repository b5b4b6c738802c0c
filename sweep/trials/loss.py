"""The loss that the predicted variables of some data are trained on."""

from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.fields.windows import Windows
from fieldsharp.model.losses.forecast_loss import ForecastLoss, TermScales, term_scales
from fieldsharp.model.losses.several_variables import MeanOfVariables
from fieldsharp.model.settings import LossSettings


def make_loss(
    settings: LossSettings, data: ForecastData, scaled_on: Windows | None = None
) -> ForecastLoss | MeanOfVariables:
    """Return the loss of what is predicted; it is called with ``data.masks``.

    Args:
        settings: The same for every variable.
        data: Whose variables are predicted.
        scaled_on: Windows that the scales of its terms are computed on; None to leave them 1.
    """
    losses = []
    for channel, variable in enumerate(data.predicted):
        climatology_CHW, scales = variable.unit_climatology_CHW, TermScales()
        if scaled_on is not None:
            scales = term_scales(settings, scaled_on, variable.mask_HW, climatology_CHW, channel)
        losses.append(ForecastLoss(settings, climatology_CHW, scales))
    return losses[0] if len(losses) == 1 else MeanOfVariables(losses)
