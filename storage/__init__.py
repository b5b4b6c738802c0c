"""Databases of studies: opening, locking, checking, backing up.

May import `fields` and `core`; never torch.
The modules here are what other packages use; SQLite and PostgreSQL have a folder each.
"""
