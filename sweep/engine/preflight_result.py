"""The result of the checks before the first trial; imports no torch, which the checks do."""

from dataclasses import dataclass

from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.execution.script.command_line import CommandLine
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.previews import ObservedPreview


@dataclass(frozen=True)
class PreflightResult:
    """The result of the checks.

    Attributes:
        config: Of the sweep; of length ``auto`` with the most steps in whole epochs.
        facts: Of the data, stored with the study.
        observed: The observed field for pictures; None if only the script reads the data.
        command_line: What the script's command line takes; None without a script.
    """

    config: SweepConfig
    facts: DataSummary
    observed: ObservedPreview | None
    command_line: CommandLine | None = None
