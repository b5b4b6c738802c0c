"""The HTTP server of the dashboard with its limits, and the paths and bodies that it accepts.

May import `sweep.configuration`, `core` and Optuna's storages.
A new path is a line in `request_paths._PATHS`, its body one in `request_bodies._MODELS`.
"""
