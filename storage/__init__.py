"""Databases of studies: opening, locking, checking, backing up.

May import `fields` and `core`; never torch.
The modules here are what other packages use; SQLite and PostgreSQL have a folder each.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
