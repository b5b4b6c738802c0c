"""The Optuna dashboard behind a login, with notes and pictures of our own.

May import `sweep.pictures`, `sweep.study` and all below them.
A new page is a route in `views/routes.py`.
"""
