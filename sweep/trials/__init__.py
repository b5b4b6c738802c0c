"""Trains and evaluates one trial; evaluates a forecast file against a truth file.

May import `sweep.study`, `model`, `objectives`: this is where model and objectives meet.
A new part of a trial's result goes through `evaluator` or `preview_builder`.
"""
