"""Predictors, training losses and the training loop.

May import `fields` and `core`; never Optuna.
A new predictor or loss is one module and one line in `registry`.
"""

from fieldsharp.earlier_names import keep_one_copy

keep_one_copy(__name__)
