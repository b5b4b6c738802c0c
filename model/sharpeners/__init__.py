"""Sharpeners: a stage after the predictor that is fitted on its forecasts, not trained.

May import `fields`, `core` and the modules of `model` below it.
A new one is a class in a file of its own (`interface.Sharpener`) and a line in
`SHARPENERS` of `model/registry.py`.
"""
