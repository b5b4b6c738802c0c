"""The control loop of a sweep: which trial runs next, what its results mean, when it ends.

May import `sweep.execution` and all below it; never torch.
A new scheduler or pruning rule is one module here and one line in `schedulers`.
"""
