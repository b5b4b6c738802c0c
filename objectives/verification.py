"""Taking every metric over many batches of forecasts in one pass."""

from collections.abc import Mapping

import torch

from objectives.case import Case, Statistic
from objectives.metrics import METRICS

Tensor = torch.Tensor


class Verification:
    """Running means of the statistics the metrics need, by lead.

    Not thread-safe; holds one double per statistic and lead.
    """

    def __init__(self, *, with_persistence: bool = True) -> None:
        self.metrics = {
            name: metric
            for name, metric in METRICS.items()
            if with_persistence or not metric.needs_persistence
        }
        # One entry per statistic, however many metrics need it.
        self._sums_T: dict[Statistic, Tensor] = {}
        self.samples = 0

    def add(self, case: Case) -> None:
        """Take in a batch of forecasts."""
        needed = {s: None for metric in self.metrics.values() for s in metric.statistics}
        for statistic in needed:
            sum_T = statistic(case).double().sum(dim=0)
            before = self._sums_T.get(statistic)
            self._sums_T[statistic] = sum_T if before is None else before + sum_T
        self.samples += case.pred_BTCHW.shape[0]

    def overall(self) -> dict[str, float]:
        """Return every metric over all samples and leads.

        Raises:
            ValueError: If nothing was added.
        """
        return {name: float(value) for name, value in self._evaluate(per_lead=False).items()}

    def per_lead(self) -> dict[str, list[float]]:
        """Return every metric for each lead.

        Raises:
            ValueError: If nothing was added.
        """
        return {name: value.tolist() for name, value in self._evaluate(per_lead=True).items()}

    def _evaluate(self, *, per_lead: bool) -> Mapping[str, Tensor]:
        if self.samples == 0:
            raise ValueError("no forecast was added, so there is nothing to judge")
        means_T = {s: sum_T / self.samples for s, sum_T in self._sums_T.items()}
        means = means_T if per_lead else {s: mean_T.mean() for s, mean_T in means_T.items()}
        return {
            name: metric.formula(*(means[s] for s in metric.statistics))
            for name, metric in self.metrics.items()
        }


def verify(case: Case) -> dict[str, float]:
    """Return every metric of one batch of forecasts over all samples and leads."""
    verification = Verification(with_persistence=case.persistence_BTCHW is not None)
    verification.add(case)
    return verification.overall()
