"""What is stored of the members of a trial, and read without torch."""

import math
from collections.abc import Collection, Mapping

from pydantic import ConfigDict

from fieldsharp.objectives.members.scores import MembersScores
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.per_variable import PerVariable

DRESSED = "dressed"
"""Reference: the baseline with errors that it made in training added to it."""
CLIMATOLOGY = "climatology"
"""Reference: fields of the training data."""


class MembersResult(PerVariable):
    """The scores of all members together.

    Attributes:
        overall: Over all leads.
        by_lead: Of each lead.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    overall: MembersScores
    by_lead: list[MembersScores]


def best_crps(
    references: Mapping[str, MetricValues], variables: Collection[str]
) -> dict[str, float] | None:
    """Return the lowest fair CRPS of ensembles that need no training, of each variable.

    Args:
        references: Metrics by name; those of single forecasts do not count.
        variables: Names of the predicted variables, the first first.

    Returns:
        None where there is no such ensemble.
    """
    ensembles = [one for one in references.values() if one.is_of_members]
    if not ensembles:
        return None
    return {
        name: min((one.of(name).crps for one in ensembles), default=math.nan) for name in variables
    }
