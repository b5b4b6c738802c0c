"""SQLite: the file, its checks, its locks and its write-ahead log.

May import `storage.location`, `storage.errors`, `storage.durable_files`.
A new check of a database file goes into `checks`.
"""
