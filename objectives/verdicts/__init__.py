"""The verdict on a sweep: what its trials, references and confirmation come to.

May import the modules of `objectives` beside it, and `leads`.
A new verdict is an entry of `RULES` in `verdict.py`, and its reason in `reasons.py`.
"""
