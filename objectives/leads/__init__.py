"""The lead of a trial over what needs no training, and how likely chance alone makes it.

May import the modules of `objectives` beside it.
"""
