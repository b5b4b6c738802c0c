"""Events, neighbourhoods of events, quantiles and structural similarity.

Shape legend: B sample, T lead, C channel, H rows, W columns, N valid cells, L level, Q quantile.
"""

import torch

from fieldsharp.fields.structure import similarity
from fieldsharp.fields.valid_cells import cell_index, derived_once, take_cells
from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.verification_batch import VerificationBatch, of_truth

Tensor = torch.Tensor
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


def quantiles_predicted(case: VerificationBatch) -> Tensor:
    """Return quantiles of the forecast over the valid cells of each frame [B, T, Q]."""
    return _quantiles(case.forecast)


@of_truth
def quantiles_observed(case: VerificationBatch) -> Tensor:
    """Return quantiles of the truth over the valid cells of each frame [B, T, Q]."""
    return _quantiles(case.truth)


def hits(case: VerificationBatch) -> Tensor:
    """Return the share of cells in which both fields exceed each climatological level [B, T, L].

    Over ``either`` it is the critical success index, hits / (hits + misses + false alarms), 1 where
    neither field has an event. Schaefer 1990, doi 10.1175/1520-0434(1990)005<0570:TCSIAA>2.0.CO;2.

    Raises:
        ValueError: If the climatology is not known.
    """
    return (_events(case, case.forecast) & _events(case, case.truth)).double().mean(dim=(2, 3))


def either(case: VerificationBatch) -> Tensor:
    """Return the share of cells in which at least one field exceeds each level [B, T, L].

    Raises:
        ValueError: If the climatology is not known.
    """
    return (_events(case, case.forecast) | _events(case, case.truth)).double().mean(dim=(2, 3))


def fraction_error(case: VerificationBatch) -> Tensor:
    """Return the mean square difference of the fields' neighbourhood fractions [B, T].

    The fraction of a cell is the share of the 5 x 5 cells around it that are among the highest
    10 % of their own frame; cells that are masked or beyond the grid are no events. The fractions
    skill score is 1 - this / ``fraction_reference``, 1 where neither field has an event. Roberts
    and Lean 2008, doi 10.1175/2007MWR2123.1.
    """
    return _fraction_error(case.forecast, case.truth)


def fraction_reference(case: VerificationBatch) -> Tensor:
    """Return the largest value of ``fraction_error``: the mean sum of squared fractions [B, T]."""
    return _fraction_reference(case.forecast, case.truth)


def gradient_fraction_error(case: VerificationBatch) -> Tensor:
    """Return ``fraction_error`` of the lengths of the Sobel/8 gradients [B, T].

    An event is one of the highest 10 % of the gradients of its own frame, at the interior cells
    whose 3 x 3 stencil is valid: where a front or an edge stands, however steep it is. NaN where no
    cell has a valid stencil.
    """
    return _fraction_error(case.forecast.gradient_magnitude, case.truth.gradient_magnitude)


def gradient_fraction_reference(case: VerificationBatch) -> Tensor:
    """Return the largest value of ``gradient_fraction_error`` [B, T]."""
    return _fraction_reference(case.forecast.gradient_magnitude, case.truth.gradient_magnitude)


def structural_similarity(case: VerificationBatch) -> Tensor:
    """Return the mean structural similarity over valid cells [B, T], from -1 to 1.

    With the climatology's range; see ``fields.structure.similarity`` for formula and mask. Wang,
    Bovik, Sheikh and Simoncelli 2004, doi 10.1109/TIP.2003.819861.

    Raises:
        ValueError: If the climatology is not known.
    """
    if case.climatology is None:
        raise ValueError("structural similarity needs a climatology; none was given")
    similar = similarity(
        case.pred_BTCHW, case.target_BTCHW, case.mask_HW, case.climatology.value_range
    )
    return take_cells(similar, cell_index(case.mask_HW).valid_N).mean(dim=(2, 3))


def _fraction_error(forecast: MaskedField, truth: MaskedField) -> Tensor:
    p, t = forecast.event_fractions_BTCN, truth.event_fractions_BTCN
    return ((p - t) ** 2).mean(dim=(2, 3))


def _fraction_reference(forecast: MaskedField, truth: MaskedField) -> Tensor:
    p, t = forecast.event_fractions_BTCN, truth.event_fractions_BTCN
    return (p**2 + t**2).mean(dim=(2, 3))


def _quantiles(field: MaskedField) -> Tensor:
    """Return quantiles by linear interpolation between the sorted cells (as NumPy's default)."""
    cells = field.sorted_BTCN
    below_Q, above_Q, share_Q = derived_once(field.mask_HW, "quantiles", _places_of_quantiles)
    share_Q = share_Q.to(cells)
    values = cells[..., below_Q] * (1.0 - share_Q) + cells[..., above_Q] * share_Q
    return values.mean(dim=2)


def _places_of_quantiles(mask_HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the places below and above each quantile, and how far it lies between them."""
    last = int(mask_HW.sum()) - 1
    at_Q = torch.tensor(QUANTILES, dtype=torch.float64) * last
    below_Q = at_Q.floor().long()
    return below_Q, (below_Q + 1).clamp(max=last), at_Q - below_Q


def _events(case: VerificationBatch, field: MaskedField) -> Tensor:
    """Return where each climatological level is exceeded [B, T, C, N, L]."""
    if case.climatology is None:
        raise ValueError("events need a climatology; none was given")
    return field.cells_BTCN[..., None] > case.climatology.levels_L.to(field.cells_BTCN)
