"""The metrics that an ensemble has beside those of its members.

Named as the others are, so that they are stored, guarded and shown with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MemberMetric:
    """A metric of all members together.

    Attributes:
        unit: That of the field, or none.
        summary: Its meaning, for tables and documentation.
    """

    unit: Literal["field", "1"]
    summary: str


MEMBER_METRICS: Mapping[str, MemberMetric] = {
    "crps": MemberMetric("field", "fair continuous ranked probability score of each cell"),
    "energy_score": MemberMetric("field", "fair energy score of whole fields"),
    "variogram_score": MemberMetric(
        "field", "fair variogram score of whole fields: how unlike neighbours and distant cells are"
    ),
    "rmse_of_mean": MemberMetric("field", "root mean square error of the mean of the members"),
    "rmse_of_mean_without_sampling": MemberMetric(
        "field", "the same of endless members: without what so few of them add to it"
    ),
    "spread": MemberMetric("field", "what that error is if the spread of the members is honest"),
    "spread_over_error": MemberMetric("1", "spread over the error of the mean: 1 is honest"),
    "anomaly_correlation_of_mean": MemberMetric(
        "1", "correlation of departures from each cell's mean, of the mean of endless members"
    ),
    "gradient_correlation_of_mean": MemberMetric(
        "1", "correlation of gradient vectors, of the mean of endless members"
    ),
    "gradient_spread_over_error": MemberMetric(
        "1", "spread of the members' mean gradients over the error of their mean"
    ),
    "peak_spread_over_error": MemberMetric(
        "1", "spread of the members' peaks over the error of their mean"
    ),
    "least_difference": MemberMetric(
        "1", "difference of the two members that are most alike, over that of all pairs"
    ),
}
"""Formulas and sources are in the docstrings of ``MembersScores`` and ``EnsembleVerification``."""
