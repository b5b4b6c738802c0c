"""Routes of the dashboard: JSON of a study, notes, attributes, CSV and pictures.

May import `sweep.dashboard.http`, `sweep.pictures`, `sweep.study` and all below them.
A new route is a branch in `routes.make_app` and a line in `http.request_paths`.
"""
