"""Progress of a sweep in the terminal: log lines, or a live table.

May import `sweep.study` and all below it.
A new display is a subclass of `progress.SilentProgress`, and one line in
`sweep/commands/sweep_run.py`.
"""
