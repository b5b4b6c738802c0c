"""The command line: one module a command, and what commands print with.

May import everything in `sweep`.
A new command is one module here and one line in `sweep/command_line.py`.
"""
