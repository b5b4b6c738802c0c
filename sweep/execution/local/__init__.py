"""Trials in processes of this machine, and the worker that every executor uses.

May import `sweep.execution` and all below it.
A new message to a worker goes into `sweep/execution/messages.py`.
"""
