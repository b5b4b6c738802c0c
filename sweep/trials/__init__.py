"""One trial: a training, and the metrics of its forecast after every epoch.

May import `sweep.study`, `model`, `objectives`.
This is where model and objectives meet.
"""
