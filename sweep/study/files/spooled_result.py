"""The result of a trial as it waits in the spool until the database has it."""

import json
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.sweep.study.epoch_report import EpochReport, reports_as_text, reports_from_text
from fieldsharp.sweep.study.trial_events import TrialDone


@dataclass(frozen=True)
class SpooledResult:
    """The fingerprint, the last event and the reports of a trial that ran all its epochs."""

    fingerprint: str
    end: TrialDone
    reports: list[EpochReport]

    def as_text(self) -> str:
        """Return the result as JSON."""
        reports = reports_as_text(self.reports)
        tree = {
            "fingerprint": self.fingerprint,
            "end": _END.dump_python(self.end),
            "reports": reports,
        }
        return json.dumps(tree)


_END = TypeAdapter(TrialDone)


def result_from_text(text: str) -> SpooledResult:
    """Return the result in a JSON text.

    Raises:
        TrainingFailed: If another version of this program wrote it.
    """
    try:
        tree = json.loads(text)
        return SpooledResult(
            str(tree["fingerprint"]),
            _END.validate_python(tree["end"]),
            reports_from_text(str(tree["reports"])),
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingFailed(
            f"a result in the spool is of another version of this program ({reason})"
        ) from error
