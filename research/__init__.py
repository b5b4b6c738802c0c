"""Finished studies that settled a default, with the programs that made their figures.

May import `benchmarks` and everything in `fieldsharp`; nothing imports it.
A new study is a module with a command line of its own, and a test of its short form.
"""
