"""Databases of studies: opened, locked, checked, backed up; and the files next to them.

May import `core`; never torch. Its own layers are in pyproject.toml.
A module here is the common front of SQLite and PostgreSQL, which have a package each.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
