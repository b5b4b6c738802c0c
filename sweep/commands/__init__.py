"""The command line: a module for each command, their shared options and output.

May import everything in `sweep`.
A new command is one module here and one line in `sweep/command_line.py`.
"""
