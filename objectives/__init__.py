"""Metrics, guards, score and verdict of a forecast.

May import `fields` and `core`; never Optuna.
A new metric is a line in `metrics.METRICS`, a new guard one in `guards.GUARDS`.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
