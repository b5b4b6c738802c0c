"""Trials whose training is a script of the user.

May import `sweep.trials`, `sweep.study` and all below them.
A new way to set a script's constants goes into `constant_rewriter` or `launch`.
"""
