"""Nets of libraries and of other projects, named by their import path and called as they are.

May import `model.registry`, `model.predictors.layers` and `core`. Nothing here knows a library:
what a further one needs is an option of `predictor.options`.
"""
