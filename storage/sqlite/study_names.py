"""The names of the studies in a database, read fast enough to complete a word that is typed.

Nothing is imported but what Python has, nothing is waited for, and nothing is left behind.
"""

import sqlite3
from contextlib import closing

from fieldsharp.storage.location.url import sqlite_path
from fieldsharp.storage.sqlite.file import reading_uri

PATIENCE_S = 0.02
MOST_NAMES = 200
_OURS = """
SELECT study_name FROM studies JOIN study_user_attributes USING (study_id)
WHERE key = 'config' ORDER BY study_id DESC LIMIT ?
"""


def study_names(url: str) -> list[str]:
    """Return the names of the studies this program started, the newest first.

    None for a database that is in no file: a server may take its time.

    Raises:
        sqlite3.Error: If the database cannot be read at once.
        FieldsharpError: If the address is none.
        OSError: If its place cannot be looked at.
    """
    path = sqlite_path(url)
    if path is None or not path.is_file():
        return []
    uri = reading_uri(path, leave_no_trace=True)
    with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE_S)) as connection:
        return [str(name) for (name,) in connection.execute(_OURS, (MOST_NAMES,))]
