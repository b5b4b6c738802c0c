"""Every metric over many batches of forecasts, in one pass."""

from collections.abc import Mapping

import torch

from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import METRICS, Metric
from fieldsharp.objectives.verification_batch import Largest, Statistic, VerificationBatch

Tensor = torch.Tensor


class Verification:
    """Running means of the statistics the metrics need, by lead.

    Not thread-safe; holds a few doubles per statistic and lead.

    Args:
        with_persistence: Whether batches hold the last known frame.
        with_climatology: Whether they hold a climatology.
        detail: Whether metrics that neither score nor guards need are computed too.
    """

    def __init__(
        self, *, with_persistence: bool = True, with_climatology: bool = True, detail: bool = True
    ) -> None:
        given = {"persistence": with_persistence, "climatology": with_climatology}
        self.metrics: dict[str, Metric] = {
            name: metric
            for name, metric in METRICS.items()
            if all(given[need] for need in metric.needs) and (detail or not metric.detail)
        }
        # One entry per statistic, however many metrics need it.
        self._statistics: tuple[Statistic, ...] = tuple(
            {s: None for metric in self.metrics.values() for s in metric.statistics}
        )
        self._sums_T: dict[Statistic, Tensor] = {}
        self.samples = 0

    def add(self, case: VerificationBatch) -> None:
        """Add a batch of forecasts."""
        for statistic in self._statistics:
            values = statistic(case).double()
            before = self._sums_T.get(statistic)
            if isinstance(statistic, Largest):
                new = values.amax(dim=0)
                self._sums_T[statistic] = new if before is None else torch.maximum(before, new)
            else:
                new = values.sum(dim=0)
                self._sums_T[statistic] = new if before is None else before + new
        self.samples += case.pred_BTCHW.shape[0]

    def metric_values(self) -> MetricValues:
        """Return every metric, overall and for each lead.

        Raises:
            ValueError: If nothing was added.
        """
        return MetricValues(overall=self.overall(), by_lead=self.per_lead())

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
            raise ValueError("no forecast was added, so no metric can be computed")
        means = {s: self._mean(s, total_T, per_lead) for s, total_T in self._sums_T.items()}
        return {
            name: metric.formula(*(means[s] for s in metric.statistics))
            for name, metric in self.metrics.items()
        }

    def _mean(self, statistic: Statistic, total_T: Tensor, per_lead: bool) -> Tensor:
        if isinstance(statistic, Largest):
            return total_T if per_lead else total_T.amax(dim=0)
        return total_T / self.samples if per_lead else total_T.mean(dim=0) / self.samples


def verify(case: VerificationBatch) -> dict[str, float]:
    """Return every metric of one batch of forecasts over all samples and leads."""
    verification = Verification(
        with_persistence=case.persistence_BTCHW is not None,
        with_climatology=case.climatology is not None,
    )
    verification.add(case)
    return verification.overall()
