"""A batch of fields with cached derivatives, transforms and sortings, shared by metrics.

Shape legend: B sample, T lead, C channel, H rows, W columns, N valid cells, R region.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import pad

from fieldsharp.fields.coordinates.grid_geometry import GridGeometry
from fieldsharp.fields.derivatives import (
    forward_differences,
    interior_mask,
    laplacian,
    sobel,
    zero_masked,
)
from fieldsharp.fields.masked_statistics import Climatology, in_rising_order, region_weights
from fieldsharp.fields.spectrum import anomalies, taper, transform
from fieldsharp.fields.structure import convolve
from fieldsharp.fields.valid_cells import (
    cell_index,
    derived_once,
    interior_of,
    put_cells,
    take_cells,
)

Tensor = torch.Tensor
NEIGHBOURHOOD_CELLS = 5
EVENT_SHARE = 0.9
"""An event of the neighbourhood is a value above this share of its own frame."""


def area_weights(geometry: GridGeometry | None, mask_HW: Tensor) -> Tensor | None:
    """Return the share of each valid cell in a mean over the area, 1 on average [N].

    None where all cells count the same. Double precision, on the device of the mask.
    """
    if geometry is None or geometry.weights_HW is None:
        return None
    weights_HW = torch.from_numpy(geometry.weights_HW)

    def shares(mask_HW: Tensor) -> tuple[Tensor]:
        weights_N = weights_HW[mask_HW]
        return (weights_N / weights_N.mean(),)

    return derived_once(mask_HW, ("area", geometry), shares)[0]


@dataclass(frozen=True, eq=False)
class MaskedField:
    """Fields in physical units; several metrics share a derivative, a transform or a sorting.

    Attributes:
        values_BTCHW: The fields, anything in masked cells.
        mask_HW: Cells that count.
        climatology: Of the field; None where it is not known.
        geometry: Shares and distances of the cells; None where all count the same and gradients are
            per cell.
    """

    values_BTCHW: Tensor
    mask_HW: Tensor
    climatology: Climatology | None
    geometry: GridGeometry | None = None

    @cached_property
    def statistics(self) -> dict[object, Tensor]:
        """Statistics of the field that were computed before, by their function."""
        return {}

    @property
    def valid_N(self) -> Tensor:
        """Numbers of the valid cells."""
        return cell_index(self.mask_HW).valid_N

    @property
    def inner_N(self) -> Tensor:
        """Numbers of the interior cells whose 3 x 3 stencil is valid."""
        return cell_index(self.mask_HW).inner_N

    @cached_property
    def cells_BTCN(self) -> Tensor:
        """The valid cells alone."""
        return take_cells(self.values_BTCHW, self.valid_N)

    @cached_property
    def weights_N(self) -> Tensor | None:
        """Share of each valid cell in a mean over the area, 1 on average; None where all are 1."""
        weights_N = area_weights(self.geometry, self.mask_HW)
        return None if weights_N is None else weights_N.to(self.values_BTCHW)

    def mean_of_cells(self, values_BTCN: Tensor) -> Tensor:
        """Return the mean over channels and valid cells by their shares [B, T]."""
        weights_N = self.weights_N
        if weights_N is not None:
            values_BTCN = values_BTCN * weights_N
        return values_BTCN.mean(dim=(2, 3))

    @cached_property
    def spacing_km(self) -> tuple[Tensor, Tensor] | None:
        """Distance to the next cell along x and y at the interior cells [N]; None per cell."""
        if self.geometry is None or self.geometry.spacing_km_HW is None:
            return None
        lengths = [torch.from_numpy(one[1:-1, 1:-1]) for one in self.geometry.spacing_km_HW]

        def inside(mask_HW: Tensor) -> tuple[Tensor, ...]:
            inside_HW = interior_mask(mask_HW)
            return tuple(length_HW[inside_HW] for length_HW in lengths)

        dx, dy = derived_once(self.mask_HW, ("spacing", self.geometry), inside)
        return dx.to(self.values_BTCHW), dy.to(self.values_BTCHW)

    @cached_property
    def finite_BTCHW(self) -> Tensor:
        """The fields with masked cells 0."""
        return zero_masked(self.values_BTCHW, self.mask_HW)

    @cached_property
    def slopes(self) -> tuple[Tensor, Tensor]:
        """Sobel/8 derivatives along x and y at the interior cells [B, T, C, N].

        In units per cell, or per km where the distances of the cells are known.
        """
        gx, gy = sobel(self.finite_BTCHW)
        return self._by_length(take_cells(gx, self.inner_N), take_cells(gy, self.inner_N))

    @cached_property
    def steepness(self) -> Tensor:
        """Length of the Sobel/8 gradient at the interior cells [B, T, C, N]."""
        gx, gy = self.slopes
        return torch.sqrt(gx * gx + gy * gy)

    @cached_property
    def gradient_magnitude(self) -> "MaskedField":
        """Length of the Sobel/8 gradient as a field of the interior [B, T, C, H-2, W-2]."""
        inside_HW = interior_of(self.mask_HW)
        height, width = inside_HW.shape
        return MaskedField(
            put_cells(self.steepness, self.inner_N, (height, width)), inside_HW, None
        )

    @cached_property
    def forward_steepness(self) -> Tensor:
        """Length of the forward-difference gradient at the interior cells [B, T, C, N].

        The same cells as Sobel's, so that the ratio of both depends on the operators alone.
        """
        dx, dy = forward_differences(self.finite_BTCHW)
        if self.spacing_km is None:
            square = dx[..., 1:-1, 1:] ** 2 + dy[..., 1:, 1:-1] ** 2
            return torch.sqrt(take_cells(square, self.inner_N))
        inside = (dx[..., 1:-1, 1:], dy[..., 1:, 1:-1])
        gx, gy = self._by_length(*(take_cells(slope, self.inner_N) for slope in inside))
        return torch.sqrt(gx * gx + gy * gy)

    def _by_length(self, gx: Tensor, gy: Tensor) -> tuple[Tensor, Tensor]:
        """Return differences per cell at the interior cells in units per km, where asked for."""
        if self.spacing_km is None:
            return gx, gy
        dx_N, dy_N = self.spacing_km
        return gx / dx_N, gy / dy_N

    @cached_property
    def curvature(self) -> Tensor:
        """Laplacian at the cells that are valid with their four neighbours [B, T, C, N]."""
        return take_cells(laplacian(self.finite_BTCHW), cell_index(self.mask_HW).cross_N)

    @cached_property
    def highest_BTC(self) -> Tensor:
        """Maximum over the valid cells of each frame."""
        return self.cells_BTCN.amax(dim=-1)

    @cached_property
    def peak_isolation_BTC(self) -> Tensor:
        """Maximum of each frame minus the mean of the valid cells among the eight around it.

        A maximum without a valid neighbour stands above the mean of its field. Of equal maxima the
        first is taken.
        """
        cells = self.cells_BTCN
        highest_BTC, at_BTC = self.highest_BTC, cells.argmax(dim=-1)
        values = pad(self.finite_BTCHW, (1, 1, 1, 1)).flatten(-2)
        valid, place_N, around_8 = derived_once(self.mask_HW, "bordered", _bordered)
        neighbour_BTC8 = place_N[at_BTC][..., None] + around_8
        is_valid = valid[neighbour_BTC8]
        below = highest_BTC[..., None] - values.gather(-1, neighbour_BTC8)
        count = is_valid.sum(dim=-1)
        over_neighbours = torch.where(is_valid, below, 0.0).sum(dim=-1) / count.clamp(min=1)
        over_field = (highest_BTC[..., None] - cells).mean(dim=-1)
        return torch.where(count > 0, over_neighbours, over_field)

    @cached_property
    def anomalies_BTCHW(self) -> Tensor:
        """Departures from each cell's climatology, 0 in masked cells.

        Raises:
            ValueError: If the climatology is not known.
        """
        if self.climatology is None:
            raise ValueError("anomalies need a climatology; none was given")
        mean_CHW = self.climatology.mean_CHW.to(self.values_BTCHW)
        return anomalies(self.values_BTCHW, mean_CHW, self.mask_HW)

    @cached_property
    def anomalies_BTCN(self) -> Tensor:
        """Departures from each cell's climatology at the valid cells."""
        return take_cells(self.anomalies_BTCHW, self.valid_N)

    @cached_property
    def regions_NR(self) -> Tensor:
        """For each valid cell, its share in the mean of its region."""

        def weights(mask_HW: Tensor) -> tuple[Tensor]:
            return (region_weights(mask_HW, area_weights(self.geometry, mask_HW)),)

        return derived_once(self.mask_HW, ("regions", self.geometry), weights)[0]

    @cached_property
    def coefficients_BTCHW(self) -> Tensor:
        """Orthonormal Fourier transform of the anomalies, complex.

        About the mean of each frame, which the taper towards masked cells would spread over all
        shells: a bias is no noise.
        """
        (weight_HW,) = derived_once(self.mask_HW, "taper", lambda mask_HW: (taper(mask_HW),))
        level = self.anomalies_BTCN.mean(dim=-1)[..., None, None]
        return transform((self.anomalies_BTCHW - level) * weight_HW.to(self.values_BTCHW))

    @cached_property
    def sorted_BTCN(self) -> Tensor:
        """The valid cells of each frame in rising order."""
        return in_rising_order(self.cells_BTCN)

    @cached_property
    def event_fractions_BTCN(self) -> Tensor:
        """Share of the 5 x 5 cells around each that are among the highest 10 % of their frame.

        At the valid cells; those that are masked or beyond the grid are no events.
        """
        cells = self.sorted_BTCN
        if cells.shape[-1] == 0:
            return cells
        threshold = cells[..., round(EVENT_SHARE * (cells.shape[-1] - 1))][..., None, None]
        event = (self.finite_BTCHW > threshold) & self.mask_HW
        share_K = torch.full(
            (NEIGHBOURHOOD_CELLS,),
            1.0 / NEIGHBOURHOOD_CELLS,
            dtype=torch.float64,
            device=cells.device,
        )
        return take_cells(convolve(event.to(cells), share_K), self.valid_N)


def _bordered(mask_HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mask with a border of one cell, flat, and numbers of cells on it.

    These are the numbers of the valid cells [N], and how far the eight around a cell are from its.
    """
    width = mask_HW.shape[1] + 2
    valid = pad(mask_HW, (1, 1, 1, 1)).flatten()
    step = torch.arange(-1, 2)
    around_8 = (width * step[:, None] + step).flatten()[[0, 1, 2, 3, 5, 6, 7, 8]]
    return valid, valid.nonzero()[:, 0], around_8
