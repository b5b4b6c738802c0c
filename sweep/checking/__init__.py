"""What `check` tries before a sweep: data, predictor, optimiser and every loss.

May import `sweep.engine` and all below it.
A new check is a function that returns a `Finding`, and a line in `CHECKS`.
"""
