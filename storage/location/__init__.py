"""Addresses of databases, and the paths of the files next to them.

May import `core`.
A new file next to a database gets its path in `paths`.
"""
