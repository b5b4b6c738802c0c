"""Trials on other machines, through Ray.

May import `sweep.execution` and all below it.
Nothing outside this folder imports Ray.
"""
