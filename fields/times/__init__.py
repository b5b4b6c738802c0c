"""Rules by which the times of a series follow each other, on every calendar.

May import `core`.
"""
