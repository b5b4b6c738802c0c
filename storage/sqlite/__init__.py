"""SQLite: the file, its checks, its locks, and its settings for Optuna.

May import `storage.optuna_adapter`, `storage.errors`, `storage.location`, `storage.durable_files`.
A new check of a database file goes into `checks`.
"""
