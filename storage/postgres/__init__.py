"""PostgreSQL: connections, checks of the server and the lock on a study there.

May import `storage.location`, `storage.errors`.
A new requirement of the server goes into `checks`.
"""
