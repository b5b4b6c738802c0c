"""Opened fields: a variable of a file, its frames, grid and units, read block by block.

May import `files` and `coordinates`.
Values of a source are read, checked and marked as missing here and nowhere else.
"""
