"""Training scripts of the user as trials.

May import `sweep.trials`, `sweep.study` and all below them.
A new way to set a script's constants goes into `constant_rewriter` or `launch`.
"""
