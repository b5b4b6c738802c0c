"""WSGI middleware in front of the dashboard: host, origin, limits, token, write policy, headers.

May import `sweep.dashboard.http` and the type of an application from `sweep.dashboard.views`.
A new check is a function `(environ) -> Response | None` here and a line of `checks` in `server`.
"""
