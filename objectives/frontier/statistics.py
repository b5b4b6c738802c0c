"""Accumulates what the curve of error against sharpness of a baseline is computed from.

Shape legend: B sample, D block of the split, T lead, C channel, H rows, W columns, N valid cells,
K ring of wavenumbers. Physical units, double precision.
"""

import torch

from fieldsharp.fields.device_copies import fetch
from fieldsharp.fields.graph_fourier import GraphFourier, graph_fourier
from fieldsharp.objectives.frontier.curve import FrontierLines
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.masked_field import MaskedField
from fieldsharp.objectives.verification_batch import VerificationBatch

Tensor = torch.Tensor
BLOCKS = 4
LEAST_WINDOWS_OF_A_BLOCK = 4
"""Fewer blocks are made of a shorter split, of less than twice as many windows one."""
MOST_GRADIENTS = 1000
"""Of the climatology, at as many cells at most."""


class FrontierStatistics:
    """Sums of powers by block of the split, lead and ring of wavenumbers.

    Where the batches have shares of the area, powers are of anomalies times the roots of the cells'
    shares, so that errors are weighted as the RMSE is; gradients are not weighted. Not thread-safe;
    holds five doubles per block, lead, channel and ring, and no forecast, on the device of the
    batches. To add a batch with the mask of the one before never waits for the device.

    Args:
        windows: Number of windows of the split, which are added in time order.
        blocks: Blocks for cross-fitting; fewer where the split is short.

    Raises:
        ValueError: If windows or blocks are less than 1.
    """

    def __init__(self, windows: int, *, blocks: int = BLOCKS) -> None:
        if windows < 1 or blocks < 1:
            raise ValueError(
                f"a frontier needs at least one window and one block, found {windows} and {blocks}"
            )
        self._expected = windows
        self._blocks = max(1, min(blocks, windows // LEAST_WINDOWS_OF_A_BLOCK))
        self._added = 0
        self._mask_HW: Tensor | None = None
        self._waves: GraphFourier | None = None
        self._usual_gradient_CN = torch.empty(0)
        self._sums: dict[str, Tensor] = {}

    def add(self, case: VerificationBatch) -> None:
        """Add the next windows of the split.

        Raises:
            ValueError: If the climatology is not known, the mask is another than before, or more
                windows are added than the split has.
        """
        samples = case.pred_BTCHW.shape[0]
        if self._added + samples > self._expected:
            raise ValueError(
                f"a frontier of {self._expected} windows was given {self._added + samples}"
            )
        waves = self._waves_of(case)
        forecast_BTCN = case.forecast.anomalies_BTCN.double()
        truth_BTCN = case.truth.anomalies_BTCN.double()
        level_p, level_t = forecast_BTCN.mean(dim=-1), truth_BTCN.mean(dim=-1)
        p = waves.coefficients(forecast_BTCN - level_p[..., None])
        t = waves.coefficients(truth_BTCN - level_t[..., None])
        cells = forecast_BTCN.shape[-1]
        slope_p = waves.ring_sums(waves.slope_square_N * p * p) / cells
        slope_t = waves.ring_sums(waves.slope_square_N * t * t) / cells
        if case.truth.weights_N is not None:
            weights_N = case.truth.weights_N.double()
            level_p = (forecast_BTCN * weights_N).mean(dim=-1)
            level_t = (truth_BTCN * weights_N).mean(dim=-1)
            root_N = weights_N.sqrt()
            p = waves.coefficients((forecast_BTCN - level_p[..., None]) * root_N)
            t = waves.coefficients((truth_BTCN - level_t[..., None]) * root_N)
        device = forecast_BTCN.device
        number_B = torch.arange(samples, device=device) + self._added
        block_B = number_B * self._blocks // self._expected
        for name, values in {
            "windows": torch.ones(samples, dtype=torch.float64, device=device),
            "power_p": waves.ring_sums(p * p) / cells,
            "cross": waves.ring_sums(p * t) / cells,
            "power_t": waves.ring_sums(t * t) / cells,
            "slope_p": slope_p,
            "slope_t": slope_t,
            "level_p": level_p,
            "level_t": level_t,
            "level_pp": level_p * level_p,
            "level_pt": level_p * level_t,
            "level_tt": level_t * level_t,
            "gradient_p": case.forecast.steepness.mean(dim=(2, 3)).double(),
            "gradient_t": case.truth.steepness.mean(dim=(2, 3)).double(),
        }.items():
            if name not in self._sums:
                self._sums[name] = values.new_zeros((self._blocks, *values.shape[1:]))
            self._sums[name].index_add_(0, block_B, values)
        self._added += samples

    def frontier(self) -> Frontier:
        """Return the curve over all leads, and that of each.

        Raises:
            ValueError: If nothing was added.
        """
        if self._added == 0:
            raise ValueError("no forecast was added, so no frontier can be computed")
        # Blocks of windows that were never added are left out.
        sums = fetch(self._sums | {"usual_gradient": self._usual_gradient_CN})
        usual_gradient_CN = sums.pop("usual_gradient")
        used_D = sums["windows"] > 0
        sums = {name: sum_D[used_D] for name, sum_D in sums.items()}
        lines = FrontierLines(sums, usual_gradient_CN)
        leads = lines.squared_error_ST.shape[1]
        by_lead = [lines.curve(slice(lead, lead + 1)) for lead in range(leads)]
        overall = lines.curve(slice(leads))
        if not overall.doubts:  # those of leads may cancel in the mean
            doubts = [
                f"at lead {n} {doubt}" for n, c in enumerate(by_lead, 1) for doubt in c.doubts
            ]
            overall = overall.model_copy(update={"doubts": doubts})
        return Frontier(
            overall=overall, by_lead=by_lead, windows=self._added, blocks=int(used_D.sum())
        )

    def _waves_of(self, case: VerificationBatch) -> GraphFourier:
        mask_HW = case.mask_HW
        if self._waves is None or self._mask_HW is None:
            if case.climatology is None:
                raise ValueError("a frontier needs a climatology; none was given")
            spacing_km_HW = None if case.geometry is None else case.geometry.spacing_km_HW
            self._mask_HW = mask_HW
            self._waves = graph_fourier(mask_HW, spacing_km_HW).on(mask_HW.device)
            usual_1TCHW = case.climatology.mean_CHW.to(mask_HW.device).double()[None, None]
            usual = MaskedField(usual_1TCHW, mask_HW, None, case.geometry)
            gx, gy = usual.slopes
            self._usual_gradient_CN = _thinned(torch.hypot(gx, gy)[0, 0])
        if mask_HW is not self._mask_HW and not torch.equal(mask_HW, self._mask_HW):
            raise ValueError("the windows of a frontier need the same mask, found another")
        return self._waves


def _thinned(gradient_CN: Tensor) -> Tensor:
    """Return a thousand gradients of each channel, evenly taken from all of them in order."""
    cells = gradient_CN.shape[-1]
    if cells <= MOST_GRADIENTS:
        return gradient_CN
    number = torch.arange(MOST_GRADIENTS, device=gradient_CN.device)
    place = ((number + 0.5) * cells / MOST_GRADIENTS).long()
    return gradient_CN.sort(dim=-1).values[..., place]
