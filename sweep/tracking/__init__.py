"""Mirrors a study to trackers (TensorBoard, MLflow, W&B), each in a process of its own.

May import `sweep.pictures`, `sweep.study` and all below them; never torch. The engine starts it.
A new tracker implements `tracker.Tracker` and is a line in `process.make_tracker`, one in
`packages.py`, and a section in `sweep/configuration/tracking.py`.
"""
