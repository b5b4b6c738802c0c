"""Products of a study: exports, run folders, forecasts, the narrowed search.

May import `sweep.execution` and all below it.
A new export format is a function and a line in `export`.
"""
