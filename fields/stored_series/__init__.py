"""Series that are larger than memory: written to a file once, shared by all workers of a machine.

May import `sources`, `gap_filling`, `scaling` and what these import.
"""
