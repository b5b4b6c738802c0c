"""Trials on the nodes of a Ray cluster.

May import `sweep.execution` and all below it.
Nothing outside this folder imports Ray, and here only what runs once a token is set.
"""
