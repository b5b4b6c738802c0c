"""The control loop of a sweep: which trial runs next, what its results mean, when it ends.

May import `sweep.execution` and all below it; never torch.
A new rule that pauses trials implements `rung_rule.RungRule` and is a line in `PRUNERS` of
`sweep/configuration/search_methods.py`.
"""
