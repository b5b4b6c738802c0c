"""SQLite: the file, its checks, its locks, and its settings for Optuna.

May import the layers of `storage` below it, not `storage.postgres`.
A new check of a database file goes into `checks`.
"""
