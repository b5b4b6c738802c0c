"""Verification of the members of an ensemble, drawn from one history, against what was observed.

May import the modules of `objectives` beside it, and `objectives.leads`.
"""
