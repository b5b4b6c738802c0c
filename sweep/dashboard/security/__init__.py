"""WSGI middleware in front of the dashboard: host, origin, limits, token, write policy, headers.

May import `sweep.dashboard.http` and all below it.
A new check is a function `(environ) -> Response | None` here and a line in `dashboard.server`.
"""
