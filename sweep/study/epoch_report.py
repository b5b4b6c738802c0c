"""What a trial reports after an epoch, also as text: for a checkpoint, or for the spool."""

import json
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.objectives.metric_values import MetricValues


@dataclass(frozen=True)
class EpochReport:
    """How good the forecast is after an epoch.

    Attributes:
        epoch: From 0.
        losses: Mean training losses of the epoch.
        judgement: Every metric, physical units; those of detail after the last epoch alone.
        seconds: Wall time since the report before, or since the start.
    """

    epoch: int
    losses: EpochLosses
    judgement: MetricValues
    seconds: float

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric over all samples and leads."""
        return self.judgement.overall


_REPORTS = TypeAdapter(list[EpochReport])


def reports_as_text(reports: list[EpochReport]) -> str:
    """Return reports as JSON, from which the same numbers are read back."""
    return json.dumps(_REPORTS.dump_python(reports))  # Python's own keeps a NaN a NaN


def reports_from_text(text: str) -> list[EpochReport]:
    """Return the reports that were written as JSON.

    Raises:
        TrainingFailed: If another version of this program wrote them.
    """
    try:
        return _REPORTS.validate_python(json.loads(text))
    except (ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingFailed(
            f"the reports of a checkpoint are of another version of this program ({reason})"
        ) from error
