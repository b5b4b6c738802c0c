"""Metrics, guards, score and verdict of a forecast.

May import `fields` and `core`; never Optuna.
Entries of `metrics.METRICS`, `guards.GUARDS` and `verdicts.verdict.RULES` add a metric, guard or
verdict.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
