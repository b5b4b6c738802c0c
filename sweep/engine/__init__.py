"""The control loop of a sweep: which trial runs next, what its results mean, when it ends.

May import `sweep.execution` and all below it; never torch.
A new rule that pauses trials is a `rung_rule.RungRule` in a module here, and an entry of `PRUNERS`
in `sweep/configuration/search_methods.py`.
"""
