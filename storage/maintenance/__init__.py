"""Backup, restore, upgrade and inspection of a database, and its write-ahead log.

May import all other packages of `storage`.
A new `storage` command has its work here.
"""
