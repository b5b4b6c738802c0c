"""Addresses of databases, and the paths of the files next to them.

May import `storage.durable_files`.
A new file next to a database gets its path in `paths`.
"""
