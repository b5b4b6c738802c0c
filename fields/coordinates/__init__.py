"""Coordinates of a field: which dimension is which, times, grids, and whether two of them agree.

May import `core` and the settings of the data.
What a coordinate can say is one module here.
"""
