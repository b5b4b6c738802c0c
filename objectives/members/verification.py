"""Every score of members over many windows, in one pass; overall and by lead.

Shape legend: B sample, K member, T lead, H rows, W columns, N valid cells, Q threshold, R ranks
(K + 1), P shares of members (K + 1).
"""

import math
from collections.abc import Sequence

import torch

from fieldsharp.fields.device_copies import fetch, send
from fieldsharp.fields.valid_cells import cell_index, take_cells
from fieldsharp.objectives.leads.resampling import decorrelation_time
from fieldsharp.objectives.members.field_scores import fair_energy_score, fair_variogram_score
from fieldsharp.objectives.members.proper_scores import fair_brier_score, fair_crps, fair_crps_above
from fieldsharp.objectives.members.rank_histogram import flatness_chance, rank_shares
from fieldsharp.objectives.members.reliability import reliability, said_and_happened
from fieldsharp.objectives.members.scores import EventScores, MembersScores
from fieldsharp.objectives.members.spread import error_without_sampling, spread

Tensor = torch.Tensor


class MembersVerification:
    """The statistics of each window so far: some dozens of numbers each. Not thread-safe.

    They are kept on the device of the members. To add windows never waits for the device; to ask
    for a score does.

    Args:
        thresholds: Of the events, in the unit of the field.
        seed: Of the random ranks among equal values, and of the resampling.
    """

    def __init__(self, thresholds: Sequence[float] = (), seed: int = 0) -> None:
        self._thresholds = sorted(thresholds)
        self._seed = seed
        self._members = 0
        self._window_B: list[int] = []
        self._parts: dict[str, list[Tensor]] = {}
        self._fetched: dict[str, Tensor] = {}

    def add(
        self,
        members_BKTHW: Tensor,
        observed_BTHW: Tensor,
        mask_HW: Tensor,
        window_B: Sequence[int],
        weights_N: Tensor | None = None,
    ) -> None:
        """Add windows with the same valid cells.

        Args:
            members_BKTHW: The members, physical units; as many in every call, at least 2.
            observed_BTHW: What was observed.
            mask_HW: Cells that count.
            window_B: Number of each window in the order of time.
            weights_N: Share of each valid cell in a mean, 1 on average; None where all are 1.

        Raises:
            ValueError: If there is one member, or another number of them than before.
        """
        members = members_BKTHW.shape[1]
        if members < 2 or self._members not in (0, members):
            raise ValueError(
                f"{members} members were given where "
                + (f"there were {self._members} before" if self._members else "two are needed")
            )
        self._members = members
        self._window_B += window_B
        self._fetched = {}
        members_BTKHW = members_BKTHW.transpose(1, 2).double()
        observed_BTHW = observed_BTHW.double()
        valid_N = cell_index(mask_HW).valid_N
        members_BTKN = take_cells(members_BTKHW, valid_N)
        observed_BTN = take_cells(observed_BTHW, valid_N)
        for name, values in {
            **self._of_cells(members_BTKN, observed_BTN, weights_N),
            "energy": fair_energy_score(members_BTKN, observed_BTN, weights_N),
            "variogram": fair_variogram_score(members_BTKHW, observed_BTHW, mask_HW),
            "ranks": self._ranks(members_BTKN, observed_BTN, weights_N, window_B),
        }.items():
            self._parts.setdefault(name, []).append(values)

    def scores(
        self, windows: Sequence[int] | None = None, *, with_chance: bool = True
    ) -> MembersScores:
        """Return the scores over all leads.

        Args:
            windows: Numbers of those that count; None for all.
            with_chance: Whether the chance of the rank histogram is computed, which takes a second.

        Raises:
            ValueError: If nothing was added.
        """
        return self._scores(slice(None), windows, with_chance=with_chance)

    def scores_by_lead(self, *, with_chance: bool = True) -> list[MembersScores]:
        """Return the scores of each lead.

        Args:
            with_chance: As of ``scores``.

        Raises:
            ValueError: If nothing was added.
        """
        leads = self._joined()["crps"].shape[1]
        return [
            self._scores(slice(lead, lead + 1), with_chance=with_chance) for lead in range(leads)
        ]

    def of_windows(self) -> dict[str, Tensor]:
        """Return CRPS, variogram score and square error of each window, means over leads [W].

        In the order of time. The square error is that of the mean of endless members; by chance it
        may be below 0.

        Raises:
            ValueError: If nothing was added.
        """
        parts = {
            name: values.mean(dim=1)
            for name, values in self._joined().items()
            if name in ("crps", "variogram", "squared_error", "variance")
        }
        variance_W = parts.pop("variance")
        parts["squared_error"] = parts["squared_error"] - variance_W / self._members
        return parts

    def _of_cells(
        self, members_BTKN: Tensor, observed_BTN: Tensor, weights_N: Tensor | None
    ) -> dict[str, Tensor]:
        members_BTNK = members_BTKN.transpose(-2, -1).contiguous()

        def mean(values_BTN: Tensor) -> Tensor:
            return (values_BTN if weights_N is None else values_BTN * weights_N).mean(dim=-1)

        found = {
            "crps": mean(fair_crps(members_BTNK, observed_BTN)),
            "squared_error": mean((members_BTNK.mean(dim=-1) - observed_BTN) ** 2),
            "variance": mean(members_BTNK.var(dim=-1)),
        }
        for number, threshold in enumerate(self._thresholds):
            found[f"crps_above {number}"] = mean(
                fair_crps_above(members_BTNK, observed_BTN, threshold)
            )
            found[f"brier {number}"] = mean(fair_brier_score(members_BTNK, observed_BTN, threshold))
            found[f"said {number}"] = said_and_happened(
                members_BTKN, observed_BTN, weights_N, threshold
            )
        return found

    def _ranks(
        self,
        members_BTKN: Tensor,
        observed_BTN: Tensor,
        weights_N: Tensor | None,
        window_B: Sequence[int],
    ) -> Tensor:
        """Return the rank shares, whose random numbers depend on the window and on no batch."""
        draws = (torch.Generator().manual_seed(self._seed * 1_000_003 + n) for n in window_B)
        size = observed_BTN.shape[1:]
        drawn = [torch.rand(size, generator=draw, dtype=torch.float64) for draw in draws]
        random_BTN = send(torch.stack(drawn), observed_BTN.device, torch.float64)
        # One by one, as there is a number for each cell and each rank.
        each = zip(members_BTKN, observed_BTN, random_BTN, strict=True)
        return torch.stack([rank_shares(m, o, weights_N, random) for m, o, random in each])

    def _joined(self) -> dict[str, Tensor]:
        """Return the statistics of all windows in the order of time, on the CPU."""
        if not self._window_B:
            raise ValueError("no forecast was added, so nothing can be scored")
        if not self._fetched:
            order_B = torch.tensor(self._window_B).argsort()
            found = fetch({name: torch.cat(parts) for name, parts in self._parts.items()})
            self._fetched = {name: values[order_B] for name, values in found.items()}
        return self._fetched

    def _scores(
        self, leads: slice, windows: Sequence[int] | None = None, *, with_chance: bool
    ) -> MembersScores:
        chosen_B: slice | Tensor = slice(None)
        if windows is not None:
            chosen_B = torch.isin(torch.tensor(sorted(self._window_B)), torch.tensor(windows))
        parts = {name: values[chosen_B, leads] for name, values in self._joined().items()}
        mean = {name: values.mean(dim=(0, 1)) for name, values in parts.items()}
        squared_error, variance = float(mean["squared_error"]), float(mean["variance"])
        rmse, honest = math.sqrt(squared_error), spread(variance, self._members)
        shares_WR = parts["ranks"].mean(dim=1).numpy()
        return MembersScores(
            members=self._members,
            windows=len(shares_WR),
            crps=float(mean["crps"]),
            energy_score=float(mean["energy"]),
            variogram_score=float(mean["variogram"]),
            rmse_of_mean=rmse,
            rmse_of_mean_without_sampling=error_without_sampling(
                squared_error, variance, self._members
            ),
            spread=honest,
            spread_over_error=honest / rmse if rmse > 0 else math.nan,
            rank_histogram=mean["ranks"].tolist(),
            flatness_chance=flatness_chance(shares_WR, decorrelation_time([shares_WR]), self._seed)
            if with_chance
            else None,
            events=[
                EventScores(
                    threshold,
                    float(mean[f"crps_above {number}"]),
                    float(mean[f"brier {number}"]),
                    reliability(threshold, mean[f"said {number}"]),
                )
                for number, threshold in enumerate(self._thresholds)
            ],
        )
