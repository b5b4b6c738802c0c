"""Every error this project raises for a person to read.

One root, so that the command line turns any of them into one sentence and an exit code:

    FieldsharpError            exit 1   the work failed
    ├── BadInput               exit 2   the input cannot be used; nothing was started
    │   ├── DataError                   a data file
    │   ├── ConfigError                 a configuration file, a setting or an option
    │   └── StudyError                  a study's name, or the study stored under it
    ├── StorageError           exit 1   the database
    │   ├── StorageUnavailable          cannot be reached or written at the moment
    │   ├── DatabaseDamaged             its file is broken, empty or missing
    │   └── TrialEndedElsewhere         another program ended a trial of the study
    ├── TrainingFailed         exit 1   one training (a trial that fails does not end a sweep)
    └── StoppedOnRequest       exit 3   interrupted; can be resumed

Each message is one sentence: the fault, the value or state found, the remedy.
"""

from typing import ClassVar


class FieldsharpError(Exception):
    """Root of the errors this project raises on purpose."""

    exit_code: ClassVar[int] = 1


class BadInput(FieldsharpError):
    """The input of the user cannot be used; raised before any work is started."""

    exit_code = 2


class DataError(BadInput):
    """A data file is missing, cannot be read, or has no data to learn from."""


class ConfigError(BadInput):
    """A configuration file, a setting or a command line option is wrong."""


class StudyError(BadInput):
    """A study does not exist, or has other settings or data."""


class StorageError(FieldsharpError):
    """The database cannot be opened, read or written."""


class StorageUnavailable(StorageError):
    """The database cannot be reached or written at the moment; a later retry may succeed.

    Args:
        found: The fault, without a remedy.
        advice: The remedy, for a caller that does not retry.
    """

    def __init__(self, found: str, advice: str = "") -> None:
        super().__init__(f"{found}; {advice}" if advice else found)
        self.found = found


class DatabaseDamaged(StorageError):
    """The file of the database is broken, empty or missing; a backup has to be restored."""


class TrialEndedElsewhere(StorageError):
    """Another program ended a trial before it could be written to."""


class TrainingFailed(FieldsharpError):
    """A training ended without a usable forecast, for the reason in the message."""


class StoppedOnRequest(FieldsharpError):
    """The work was interrupted by the user or the system and can be resumed."""

    exit_code = 3
