"""PostgreSQL: connections, checks of the server, and the lock on a study.

May import `storage.errors`, `storage.location` and `storage.lock_owner`.
A new requirement of the server goes into `checks`.
"""
