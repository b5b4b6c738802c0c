"""The report of a trial after an epoch, and its JSON form in checkpoints, spool and epoch log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.epoch_losses import EpochLosses
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.leads.window_statistics import WindowStatistics
from fieldsharp.objectives.members.result import MembersResult
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.storage.durable_files.atomic import write_durably
from fieldsharp.storage.durable_files.regular_files import read_within

EPOCH_LOG = "epochs.json"
"""File of a script's reports in the folder of its checkpoints."""


@dataclass(frozen=True)
class EpochReport:
    """How good the forecast is after an epoch.

    Attributes:
        epoch: From 0.
        losses: Mean training losses of the epoch.
        judgement: Every metric, physical units; detailed ones only after the last epoch.
        seconds: Wall time since the report before, or since the start.
        sharpened: Every metric of the forecast under each sharpener that was tried on it: at rungs
            and after the last epoch.
        frontier: The least RMSE at each sharpness, from this forecast; only of the baseline after
            its last epoch.
        window_statistics: Of the forecast as it is and under each sharpener; only after the last
            epoch.
        members: Scores of all members together, of the forecast as it is and under each sharpener;
            only where members are judged, after the last epoch.
    """

    epoch: int
    losses: EpochLosses
    judgement: MetricValues
    seconds: float
    sharpened: Mapping[str, MetricValues] = field(default_factory=dict)
    frontier: Frontier | None = None
    window_statistics: WindowStatistics | None = None
    members: Mapping[str, MembersResult] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric over all samples and leads; see ``MetricValues.all_overall``."""
        return self.judgement.all_overall


_REPORTS = TypeAdapter(list[EpochReport])


def reports_as_text(reports: list[EpochReport]) -> str:
    """Return reports as JSON, from which the same numbers are read back."""
    return json.dumps(_REPORTS.dump_python(reports))  # Python's json preserves NaN


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


def log_epoch(folder: Path, reports: list[EpochReport]) -> None:
    """Write all reports of a script that can go on after an interruption, next to its checkpoint.

    Raises:
        OSError: If it cannot be written.
    """
    write_durably(folder / EPOCH_LOG, reports_as_text(reports).encode())


def epochs_logged(folder: Path) -> list[EpochReport]:
    """Return the reports of earlier attempts, none where they cannot be read."""
    try:
        return reports_from_text(read_within(folder / EPOCH_LOG).decode())
    except (OSError, UnicodeDecodeError, TrainingFailed):
        return []


def count_logged_epochs(folder: Path) -> int:
    """Return the number of epochs in the log of a script, 0 without a log."""
    reports = epochs_logged(folder)
    return reports[-1].epoch + 1 if reports else 0
