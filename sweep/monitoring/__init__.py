"""Progress of a sweep in the terminal: log lines, or a live table.

May import `sweep.study` and all below it.
A new way to show progress implements `progress.Progress`.
"""
