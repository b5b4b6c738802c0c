"""Errors of databases as one sentence that says what to do.

May import `storage.location`.
A new error of a driver is a line in `mapping`.
"""
