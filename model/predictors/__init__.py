"""Forecast nets, their common interface and how they are built.

May import `fields` and `core`.
A new predictor is one module here and one line in `model/registry.py`.
"""
