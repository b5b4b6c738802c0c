"""Limits of guards that depend on the field: its variation in time, and its least error.

May import `settings`, `metrics` and `frontier`; `guards` takes the limits from here.
"""
