"""Maps the errors of Optuna's storage and of SQLAlchemy to this project's, one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fieldsharp.core.checkout import install_command
from fieldsharp.core.errors import ConfigError, StorageError, TrialEndedElsewhere
from fieldsharp.storage.errors.messages import one_line, storage_command, storage_error
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.url import is_postgres

INSTALL = (
    f"install it with {install_command('postgres')}, and write the address as "
    "postgresql+psycopg://..."
)


@contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Map the errors of a database in use.

    Raises:
        StorageUnavailable: If the database may be usable later: it is locked, its disk full, its
            server unreachable.
        DatabaseDamaged: If its file is broken.
        TrialEndedElsewhere: If another program ended a trial that was to be written to.
        StorageError: In place of all other errors, without passwords.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        # Optuna wraps the error of SQLAlchemy, which wraps that of the driver.
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        away = isinstance(cause, PoolTimeoutError) or (
            isinstance(cause, DBAPIError) and cause.connection_invalidated
        )
        reason = one_line(getattr(cause, "orig", None) or cause or error)
        raise storage_error(url, reason, away=away) from error
    except KeyError as error:
        if "Record does not exist" not in str(error):
            raise
        raise StorageError(
            f"database {mask_password(url)} has lost the study or the trial that is worked on: it "
            "was deleted meanwhile; start the sweep again"
        ) from error
    except UpdateFinishedTrialError as error:
        raise TrialEndedElsewhere(
            f"database {mask_password(url)}: a trial was finished by somebody else ({error}); "
            "while a sweep runs, change nothing in its study"
        ) from error


@contextmanager
def opening_errors(url: str) -> Iterator[None]:
    """Map the errors that only opening a database raises.

    Raises:
        ConfigError: If its driver is not installed.
        StorageError: If its schema is another version's.
    """
    try:
        yield
    except (ImportError, NoSuchModuleError) as error:
        reason = one_line(error.__cause__ or error)
        fix = INSTALL if is_postgres(url) else "install it, or choose another with --storage"
        raise ConfigError(
            f"database {mask_password(url)} needs a driver that is not installed ({reason}); {fix}"
        ) from error
    except RuntimeError as error:  # of Optuna, for a schema of another version
        older = "storage upgrade" in str(error)
        fix = (
            f"back it up, then run {storage_command(url, 'upgrade')}"
            if older
            else "use the version of this program and of Optuna it was made with, or a newer one"
        )
        age = "an older" if older else "a newer"
        raise StorageError(
            f"database {mask_password(url)} was made by {age} version; {fix}"
        ) from error
