"""Words that the coordinator and the process of a tracker send each other, a line each."""

END = "end"
"""To the process: the sweep has ended."""
ALIVE = "alive"
UP_TO_DATE = "up to date"
TROUBLE = "trouble"
DONE = "done"
