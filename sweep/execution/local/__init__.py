"""Trials in worker processes of this machine, and the worker that every executor uses.

May import `sweep.trials`, `sweep.execution` and all below them.
A new message to a worker goes into `sweep/execution/executor.py`.
"""
