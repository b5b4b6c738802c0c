"""Errors of databases as one sentence that says what to do.

May import `storage.location`.
A new message of a driver is a line in `messages`, a new exception one in `mapping`.
"""
