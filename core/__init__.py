"""Shared by all packages: errors, printable text, name suggestions, memory, signals, streams.

Imports nothing of the project.
A new module belongs here only if packages of two layers need it and it knows nothing of fields.
"""
