"""Whether a PostgreSQL database meets the requirements of a sweep, before Optuna opens it."""

from typing import Literal

import sqlalchemy
from sqlalchemy import Connection

from fieldsharp.core.errors import ConfigError, StorageError, StorageUnavailable
from fieldsharp.storage.errors.messages import access_refusal
from fieldsharp.storage.location.passwords import mask_password
from fieldsharp.storage.location.server_url import parsed
from fieldsharp.storage.postgres.connection import connected

OLDEST_VERSION = 12
ENCODING = "UTF8"
_FACTS = """
WITH tables (name) AS (
    SELECT name FROM unnest(ARRAY[
        to_regclass('studies'), to_regclass('fieldsharp_coordinators')]) AS name
    WHERE name IS NOT NULL)
SELECT current_setting('server_version_num')::integer / 10000 AS version,
    current_setting('server_encoding') AS encoding,
    current_setting('transaction_read_only') = 'on' AS is_read_only,
    current_schema() AS schema,
    to_regclass('studies') IS NOT NULL AND to_regclass('trials') IS NOT NULL AS has_studies,
    to_regclass('fieldsharp_coordinators') IS NOT NULL AS has_locks,
    CASE WHEN current_schema() IS NULL THEN false
        ELSE has_schema_privilege(current_schema(), 'CREATE') END AS may_make_tables,
    (SELECT bool_and(has_table_privilege(name, 'SELECT')) FROM tables) AS may_read,
    (SELECT bool_and(has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT')
        AND has_table_privilege(name, 'UPDATE')) FROM tables) AS may_write
"""


def check_server(url: str, mode: Literal["read", "write"], *, must_exist: bool = False) -> None:
    """Check that a server answers, lets this user in and has, or may be given, tables of studies.

    Raises:
        ConfigError: If the address or its driver cannot be used, the server does not let this user
            in, there is no such database, it holds no studies (read), or no tables can be made.
        StorageUnavailable: If the server does not answer.
        StorageError: If it fails otherwise.
    """
    parsed(url)
    try:
        with connected(url) as connection:
            _check(url, connection, mode, must_exist=must_exist)
    except StorageUnavailable:
        raise
    except StorageError as error:
        # At the first connection the address is wrong; later on the server would be.
        refusal = access_refusal(url, str(error.__cause__))
        if refusal is None:
            raise
        raise ConfigError(str(error)) from error


def _check(
    url: str, connection: Connection, mode: Literal["read", "write"], *, must_exist: bool
) -> None:
    facts = connection.execute(sqlalchemy.text(_FACTS)).one()
    name = mask_password(url)
    if facts.version < OLDEST_VERSION:
        raise ConfigError(
            f"the server of {name} is PostgreSQL {facts.version}, and {OLDEST_VERSION} or newer is "
            "needed; upgrade it, or choose another with --storage"
        )
    if facts.encoding != ENCODING:
        raise ConfigError(
            f"database {name} is encoded as {facts.encoding}, and {ENCODING} is needed; make one "
            f"with createdb --encoding={ENCODING} --template=template0"
        )
    if (mode == "read" or must_exist) and not facts.has_studies:
        raise ConfigError(
            f"there are no studies in {name}; start a sweep first, or name another with --storage"
        )
    schema = f"IN SCHEMA {facts.schema or 'public'} TO this user"
    if facts.may_read is False:  # None before there is a table
        raise ConfigError(
            f"this user may not read the studies in {name}; have their owner say GRANT SELECT ON "
            f"ALL TABLES {schema}"
        )
    if mode == "read":
        return
    if facts.is_read_only:
        raise ConfigError(
            f"database {name} can only be read, as on a standby server; name its primary server "
            "with --storage"
        )
    if facts.may_write is False:
        raise ConfigError(
            f"this user may only read the studies in {name}; have their owner say GRANT ALL ON "
            f"ALL TABLES {schema}, and the same for ALL SEQUENCES"
        )
    if not (facts.has_studies and facts.has_locks) and not facts.may_make_tables:
        raise ConfigError(
            f"this user may make no tables in {name}; have its owner say GRANT CREATE ON SCHEMA "
            f"{facts.schema or 'public'} TO this user, or make a database of the user's own with "
            "createdb --owner"
        )
