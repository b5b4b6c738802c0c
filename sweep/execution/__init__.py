"""Executors, which run trials: in local processes, on a Ray cluster, or as scripts of the user.

May import `sweep.trials`, `sweep.study` and all below them.
A new executor is one file with a function that returns an `executor.ExecutorPlan`, and one line in
`factory.EXECUTORS`.
"""
