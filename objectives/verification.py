"""Every metric over many batches of forecasts, in one pass."""

from collections.abc import Collection, Mapping

import torch

from fieldsharp.fields.device_copies import fetch
from fieldsharp.objectives.accumulation import Accumulation, accumulation_of
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.metrics import METRICS, Metric
from fieldsharp.objectives.verification_batch import Statistic, VerificationBatch

Tensor = torch.Tensor


class Verification:
    """The statistics the metrics need over all samples so far, by lead.

    Not thread-safe; holds a few doubles per statistic and lead, and of ``Gathered`` up to 4,000, on
    the device of the batches. To add a batch never waits for the device; to ask for a metric does.

    Args:
        with_persistence: Whether batches hold the last known frame.
        with_climatology: Whether they hold a climatology.
        detail: Whether metrics that neither score nor guards need are computed too.
        only: Names of the metrics; None for all.
    """

    def __init__(
        self,
        *,
        with_persistence: bool = True,
        with_climatology: bool = True,
        detail: bool = True,
        only: Collection[str] | None = None,
    ) -> None:
        given = {"persistence": with_persistence, "climatology": with_climatology}
        self.metrics: dict[str, Metric] = {
            name: metric
            for name, metric in METRICS.items()
            if all(given[need] for need in metric.needs)
            and (detail or not metric.detail)
            and (only is None or name in only)
        }
        # One entry per statistic, however many metrics need it.
        self._statistics: dict[Statistic, Accumulation] = {
            s: accumulation_of(s) for metric in self.metrics.values() for s in metric.statistics
        }
        self._fetched: dict[Statistic, Accumulation] = {}
        self.samples = 0

    def add(self, case: VerificationBatch) -> None:
        """Add a batch of forecasts."""
        for statistic, accumulation in self._statistics.items():
            accumulation.add(statistic(case).double())
        self._fetched = {}
        self.samples += case.pred_BTCHW.shape[0]

    def metric_values(self) -> MetricValues:
        """Return every metric, overall and for each lead.

        Raises:
            ValueError: If nothing was added.
        """
        by_lead = self.per_lead()
        if all(len(values) == 1 for values in by_lead.values()):  # one lead is all there is
            overall = {name: value for name, (value,) in by_lead.items()}
        else:
            overall = self.overall()
        return MetricValues(overall=overall, by_lead=by_lead)

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
        return metrics_of(self.metrics, self.statistics(per_lead=per_lead))

    def statistics(self, *, per_lead: bool) -> dict[Statistic, Tensor]:
        """Return every statistic of each lead [T, ...], or of all leads together [...], on the CPU.

        Raises:
            ValueError: If nothing was added.
        """
        if self.samples == 0:
            raise ValueError("no forecast was added, so no metric can be computed")
        if not self._fetched:
            held = fetch({s: a.held for s, a in self._statistics.items()})
            self._fetched = {s: a.holding(held[s]) for s, a in self._statistics.items()}
        return {s: a.result(per_lead=per_lead) for s, a in self._fetched.items()}


def metrics_of(
    metrics: Mapping[str, Metric], statistics: Mapping[Statistic, Tensor]
) -> dict[str, Tensor]:
    """Return metrics from the statistics that they are computed from."""
    return {
        name: metric.formula(*(statistics[s] for s in metric.statistics))
        for name, metric in metrics.items()
    }


def verify(case: VerificationBatch) -> dict[str, float]:
    """Return every metric of one batch of forecasts over all samples and leads."""
    verification = Verification(
        with_persistence=case.persistence_BTCHW is not None,
        with_climatology=case.climatology is not None,
    )
    verification.add(case)
    return verification.overall()
