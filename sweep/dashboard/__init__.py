"""Optuna's dashboard behind a token, with notes, attributes and pictures of this program.

May import `sweep.pictures`, `sweep.study` and all below them.
A new page is a route in `views/routes.py`.
"""
